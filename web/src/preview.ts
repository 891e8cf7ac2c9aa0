// The page of a file: more lines and searches without loading the page again.
import './preview.css'
import { enableCopying } from './common/copy-buttons'
import { loadMessages } from './common/messages'
import { ContentSection } from './preview/content-section'

await loadMessages()
enableCopying(document)
const section = document.querySelector<HTMLElement>('#content')
if (section?.querySelector('.text-search')) new ContentSection(section).enable()
