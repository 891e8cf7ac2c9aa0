// What every page has: its style, and times in the reader's own zone.
import '@picocss/pico/css/pico.css'
import './site.css'
import { showLocalTimes } from './common/times'

showLocalTimes(document)
