// The SFTP server: a browser can't go there, so the service tries, and people get commands.

import { getJson } from '../common/api'
import { _ } from '../common/messages'
import type { Check, Facts, Finding } from './findings'

interface Reach {
  reachable: boolean
  banner: string | null
  milliseconds: number | null
}

interface Address {
  host: string
  port: number
}

export const sftpCheck = (): Check => ({
  name: 'sftp',
  title: _('SFTP'),
  run: async ({ api }) => {
    const { sftp } = await getJson<{ sftp: Address | null }>(api)
    const reach = await getJson<Reach>(`${api}/sftp`)
    return sftp === null ? closed() : finding(sftp, reach)
  },
})

function closed(): Finding {
  return { verdict: 'note', text: _('The service has no SFTP server.'), facts: { address: null } }
}

function finding({ host, port }: Address, reach: Reach): Finding {
  const facts: Facts = {
    address: `${host} port ${port}`,
    'reachable from the service': reach.reachable,
    banner: reach.banner,
  }
  const commands = [
    { where: _('In PowerShell on Windows:'), text: `Test-NetConnection ${host} -Port ${port}` },
    { where: _('In a terminal on Linux or macOS:'), text: `nc -vz ${host} ${port}` },
  ]
  const place = { host, port: String(port) }
  if (!reach.reachable)
    return {
      verdict: 'note',
      text: _("The service doesn't reach its own SFTP server at %(host)s, port %(port)s.", place),
      advice: _('It may still be reachable from your network. A command tells:'),
      commands,
      facts,
    }
  return {
    verdict: 'good',
    text: _('The SFTP server answers at %(host)s, port %(port)s.', place),
    advice: _("Whether your network lets you there, a browser can't tell. A command can:"),
    commands,
    facts,
  }
}
