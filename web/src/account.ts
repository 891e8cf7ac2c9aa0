// The SFTP accounts of a case, on its page and on a page of their own.
import './account.css'
import { AccountsSection } from './account/section'
import { found } from './common/dom'
import { loadMessages } from './common/messages'

await loadMessages()
new AccountsSection(found<HTMLElement>(document, '#sftp-account'))
