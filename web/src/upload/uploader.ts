// The drop zone: Uppy's dashboard and its tus, on a way of our own.
import Uppy, { type UppyFile } from '@uppy/core'
import Dashboard from '@uppy/dashboard'
import type { TusBody } from '@uppy/tus'
import { _ } from '../common/messages'
import { hex, CheckedFile } from './checked-files'
import { ChunkSize } from './chunk-sizes'
import type { Connection } from './connection'
import type { Continuing, Dropped } from './continuing'
import type { Standing } from './progress'
import type { Receipts } from './receipts'
import { CheckedStack, type Journey, type Way } from './requests'
import { addTransport } from './transport'
import { uppyTexts } from './uppy-texts'

type Meta = Record<string, string>
type Sent = UppyFile<Meta, TusBody>

const HEIGHT_PX = 340
const QUIET = { debug: () => undefined, warn: () => undefined, error: () => undefined }

/** What the drop zone works with. */
export interface Parts {
  place: HTMLElement
  endpoint: string
  folder: string
  maxBytes: number | undefined
  connection: Connection
  continuing: Continuing
  receipts: Receipts
}

/** Who is told of what. */
export interface News {
  /** All that was begun has come to an end. */
  onEnd: (failed: number) => void
  /** Something of it is otherwise than before. */
  onChange: () => void
  /** The page is of another version than the service: it has to be loaded again. */
  onStale: () => void
}

/** Takes files, and sends them when it is told to. */
export class Uploader {
  private readonly journeys = new Map<string, Journey>()
  private readonly way: Way
  private uppy: Uppy<Meta, TusBody> | undefined

  constructor(private readonly parts: Parts) {
    this.way = {
      connection: parts.connection,
      chunkSize: new ChunkSize(),
      findBegun: (journey) => this.findBegun(journey),
    }
  }

  /** Show the drop zone. */
  async open({ onEnd, onChange, onStale }: News): Promise<void> {
    const { parts } = this
    const uppy = new Uppy<Meta, TusBody>({
      id: 'case',
      locale: await uppyTexts(),
      logger: QUIET,
      onBeforeFileAdded: (file, files) => !Object.hasOwn(files, file.id) && described(file),
      restrictions: parts.maxBytes === undefined ? {} : { maxFileSize: parts.maxBytes },
    })
    this.uppy = uppy
    uppy.use(Dashboard, {
      inline: true,
      target: parts.place,
      width: '100%',
      height: HEIGHT_PX,
      theme: 'auto',
      proudlyDisplayPoweredByUppy: false,
      fileManagerSelectionType: 'both',
      disableThumbnailGenerator: true,
      singleFileFullScreen: false,
      hideUploadButton: true, // until there is something to send by
      hideProgressDetails: true, // ours says more, also where a file is empty
      note: _('Nothing is sent before you press the button.'),
    })
    new MutationObserver(() => nameList(parts.place)).observe(parts.place, {
      childList: true,
      subtree: true,
    })
    this.arm(uppy, onStale)
    uppy.addPreProcessor((ids) => this.prepare(ids))
    uppy.on('upload-success', (file) => this.receive(file))
    uppy.on('file-removed', (file) => this.forget(file))
    uppy.on('complete', (result) => onEnd(result.failed?.length ?? 0))
    for (const event of ['upload', 'upload-success', 'upload-error', 'file-removed'] as const)
      uppy.on(event, onChange)
  }

  /** Get ready to send as soon as somebody comes near the drop zone. */
  private arm(uppy: Uppy<Meta, TusBody>, onStale: () => void): void {
    const { place, endpoint, connection } = this.parts
    const armed = new AbortController()
    const { signal } = armed
    const begin = async () => {
      if (signal.aborted) return
      armed.abort()
      const isReady = await addTransport(uppy, endpoint, connection)
      const dashboard = uppy.getPlugin<Dashboard<Meta, TusBody>>('Dashboard')
      if (isReady) dashboard?.setOptions({ hideUploadButton: false })
      else onStale()
    }
    place.addEventListener('pointerenter', () => void begin(), { signal })
    place.addEventListener('focusin', () => void begin(), { signal })
    document.addEventListener('dragenter', () => void begin(), { signal })
    uppy.on('file-added', () => void begin())
  }

  /** How far it all is. */
  standing(): Standing {
    const files = this.uppy?.getFiles() ?? []
    const begun = files.filter((file) => file.progress.uploadStarted !== null)
    const sum = (size: (file: Sent) => number) =>
      begun.reduce((total, file) => total + size(file), 0)
    const complete = begun.filter((file) => file.progress.uploadComplete)
    return {
      files: begun.length,
      complete: complete.length,
      bytes: sum((file) => file.size ?? 0),
      bytesSent: sum((file) => Number(file.progress.bytesUploaded)),
      isSending: begun.some((file) => !file.progress.uploadComplete && !file.error),
      isWaiting: this.parts.connection.standing !== 'open',
    }
  }

  /** Whether one of the files here is sent to the upload `id`. */
  sends(id: string): boolean {
    return this.uppy?.getFiles().some((file) => tusUrl(file)?.endsWith(`/${id}`)) ?? false
  }

  /** Take no more: what is under way stops where it is, and nothing of it is discarded. */
  close(): void {
    const { uppy } = this
    this.uppy = undefined
    if (uppy === undefined) return
    uppy.pauseAll()
    const dashboard = uppy.getPlugin('Dashboard')
    if (dashboard !== undefined) uppy.removePlugin(dashboard)
  }

  /** Find out what is there of files that are about to be sent, and have the rest sent our way. */
  private async prepare(ids: readonly string[]): Promise<void> {
    const { uppy, parts } = this
    if (uppy === undefined) return
    const fresh = ids
      .map((id) => uppy.getFile(id))
      .filter((file) => !this.journeys.has(file.id) && file.data instanceof Blob)
    if (fresh.length === 0) return
    for (const file of fresh)
      this.journeys.set(file.id, {
        file: new CheckedFile(file.data as Blob),
        isUnsure: false,
        isRestarted: false,
      })
    const message = _('Looking for what is here already')
    const preprocess = { mode: 'indeterminate' as const, message }
    this.change(fresh, (file) => ({ progress: { ...file.progress, preprocess } }))
    const found = await parts.continuing
      .find(fresh.map((file) => this.dropped(file)))
      .catch(() => []) // the uploads themselves will be told why
    const there = new Map(fresh.map((file, index) => [file.id, found[index]]))
    this.change(fresh, (file) => {
      const { preprocess: _done, ...progress } = file.progress
      const one = there.get(file.id)
      const httpStack = new CheckedStack(this.journeyOf(file), this.way)
      const tus = one?.kind === 'begun' ? { httpStack, uploadUrl: one.url } : { httpStack }
      return { progress, tus }
    })
    await this.skip(fresh.filter((file) => there.get(file.id)?.kind === 'here'))
  }

  /** Change what Uppy keeps of files, of all at once: there may be thousands. */
  private change(files: readonly Sent[], changes: (file: Sent) => object): void {
    const { uppy } = this
    if (uppy === undefined) return
    const before = uppy.getState().files
    const after = files
      .map(({ id }) => before[id])
      .filter((file) => file !== undefined)
      .map((file) => [file.id, { ...file, ...changes(file) }] as const)
    uppy.setState({ files: { ...before, ...Object.fromEntries(after) } })
  }

  /** Files that the case has already, byte for byte, aren't sent once more. */
  private async skip(files: readonly Sent[]): Promise<void> {
    const { uppy, parts } = this
    const left = files.filter((file) => uppy?.getFile(file.id) !== undefined)
    uppy?.emit('upload-start', left)
    for (const file of left) {
      if (!this.journeys.has(file.id)) continue
      const { file: checked, path } = this.dropped(file)
      const sha256 = hex(await checked.digest())
      checked.close()
      if (uppy?.getFile(file.id) === undefined) continue // it was removed just now
      uppy.emit('upload-success', uppy.getFile(file.id), { status: 200 })
      parts.receipts.addHeld(path, checked.size, sha256)
    }
  }

  private receive(file: Sent | undefined): void {
    if (file === undefined) return
    const url = this.uppy?.getFile(file.id)?.uploadURL
    if (url === undefined) return // it was here before
    this.parts.receipts.add(this.journeyOf(file).file, this.dropped(file).path, url)
  }

  private forget(file: Sent): void {
    const journey = this.journeys.get(file.id)
    this.journeys.delete(file.id)
    if (journey === undefined) return
    const begun = tusUrl(file)
    if (begun !== undefined) this.parts.continuing.letGo(begun)
    if (!file.progress.uploadComplete) journey.file.close()
  }

  private findBegun(journey: Journey): Promise<string | undefined> {
    const id = [...this.journeys].find(([, one]) => one === journey)?.[0]
    const file = id === undefined ? undefined : this.uppy?.getFile(id)
    if (file === undefined) return Promise.resolve(undefined)
    return this.parts.continuing.findBegun(this.dropped(file))
  }

  private dropped(file: Sent): Dropped {
    const { relativePath } = file.meta
    const path = (relativePath || file.name).replace(/^\/+|\/+$/g, '')
    const { folder } = this.parts
    const isInside = folder === '' || path.startsWith(`${folder}/`)
    return {
      path: isInside ? path : `${folder}/${path}`,
      modifiedMs: file.data instanceof File ? file.data.lastModified : undefined,
      file: this.journeyOf(file).file,
    }
  }

  private journeyOf(file: Sent): Journey {
    const journey = this.journeys.get(file.id)
    if (journey === undefined) throw new Error('The file is not in the list any more.')
    return journey
  }
}

/** Return a file with what the server is told of it, to know it again. */
function described(file: Sent): Sent {
  const { data, meta } = file
  const told = {
    filename: file.name,
    filetype: file.type,
    relativePath: typeof meta.relativePath === 'string' ? meta.relativePath : '',
    lastModified: data instanceof File ? String(data.lastModified) : '',
  }
  return { ...file, meta: { ...meta, ...told } }
}

function tusUrl(file: Sent): string | undefined {
  const { tus } = file as { tus?: { uploadUrl?: string | null } }
  return tus?.uploadUrl ?? undefined
}

/** Say that the list of files is one: of a single file, Uppy doesn't. Arrow keys scroll it. */
function nameList(place: HTMLElement): void {
  const list = place.querySelector('.uppy-Dashboard-files:not([tabindex])')
  list?.setAttribute('role', 'list')
  list?.setAttribute('aria-label', _('Files to send'))
  list?.setAttribute('tabindex', '0')
}
