// What the page tells this script: where things are, and what the reader may do.
import { datum } from '../common/dom'
import { isBelow, type StoredFile } from './entries'

export interface Settings {
  caseNumber: string
  /** The case in the API. */
  caseUrl: string
  /** Files in the API; a file's id follows. */
  filesUrl: string
  /** The pages of files; a file's id follows. */
  filePages: string
  isStaff: boolean
  mayRemove: boolean
  watchesSenders: boolean
}

const SHARED_FOLDER = 'shared'

export function settingsOf(section: HTMLElement): Settings {
  return {
    caseNumber: datum(section, 'case'),
    caseUrl: datum(section, 'caseUrl'),
    filesUrl: datum(section, 'filesUrl'),
    filePages: datum(section, 'filePages'),
    isStaff: section.dataset.staff !== undefined,
    mayRemove: section.dataset.mayRemove !== undefined,
    watchesSenders: section.dataset.watchesSenders !== undefined,
  }
}

/** Whether the reader may remove a file: each side of the case removes its own. */
export function mayRemove(settings: Settings, file: StoredFile): boolean {
  return settings.mayRemove && isBelow(file.path, SHARED_FOLDER) === settings.isStaff
}
