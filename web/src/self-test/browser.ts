// Whether the browser has what uploads need.

import { _ } from '../common/messages'
import type { Check, Finding } from './findings'

export const browserCheck = (): Check => ({
  name: 'browser',
  title: _('Browser'),
  run: async () => finding(),
})

function finding(): Finding {
  const has = features()
  const missing = Object.keys(has).filter((name) => has[name] === false)
  const facts = { ...has, agent: navigator.userAgent, language: navigator.language }
  if (missing.length > 0)
    return {
      verdict: 'bad',
      text: _('This browser lacks something that uploads need: %(what)s.', {
        what: missing.join(', '),
      }),
      advice: _('Update it, or use another one.'),
      facts,
    }
  if (!window.isSecureContext)
    return {
      verdict: 'note',
      text: _('The page came without encryption: checksums are slower, and copying may fail.'),
      advice: _('Use the address that begins with https.'),
      facts: { ...facts, 'secure context': false },
    }
  return { verdict: 'good', text: _('It has all that uploads need.'), facts }
}

function features(): Record<string, boolean> {
  return {
    workers: typeof Worker === 'function',
    WebAssembly: typeof WebAssembly === 'object',
    slices: typeof Blob === 'function' && typeof Blob.prototype.slice === 'function',
    streams: typeof ReadableStream === 'function',
    'folder choice': 'webkitdirectory' in document.createElement('input'),
    'live events': typeof EventSource === 'function',
    cookies: navigator.cookieEnabled,
  }
}
