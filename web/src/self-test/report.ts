// The result as text, and its way into the case: as a small file, sent like any other.

import { request } from '../common/api'
import type { Finding } from './findings'

/** What was found, by the name and title of the check. */
export interface Found {
  name: string
  title: string
  finding: Finding
}

/** Return all that was found, for people and with the figures behind it. */
export function reportOf(found: Found[], at: Date): string {
  const lines = [`Case Transfer, connection test, ${at.toISOString()}`]
  for (const { name, title, finding } of found) {
    lines.push('', `[${finding.verdict}] ${name} (${title}): ${finding.text}`)
    for (const [fact, value] of Object.entries(finding.facts)) lines.push(`  ${fact}: ${value}`)
  }
  return `${lines.join('\n')}\n`
}

/** Put `report` into the case that takes its uploads at `url`, and return the file's name. */
export async function putIntoCase(url: string, report: string, at: Date): Promise<string> {
  const name = `connection-test-${at.toISOString().slice(0, 19).replaceAll(':', '-')}.txt`
  const body = new Blob([report], { type: 'application/offset+octet-stream' })
  await request(url, {
    method: 'POST',
    headers: {
      'Tus-Resumable': '1.0.0',
      'Upload-Length': String(body.size),
      'Upload-Metadata': `filename ${btoa(name)},filetype ${btoa('text/plain')}`,
      'Content-Type': 'application/offset+octet-stream',
    },
    body,
  })
  return name
}
