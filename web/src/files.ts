// The entry of the files section.
import './files.css'
import { found } from './common/dom'
import { loadMessages } from './common/messages'
import { FilesSection } from './files/section'

await loadMessages()
new FilesSection(found(document, '#files')).begin()
