/** @import { Answer, Credentials, Refusal, User } from './api.js' */
import { Api } from './api.js'
import { ServerTime } from './server-time.js'
import { chooseLanguage, languages, Texts } from './texts.js'
import { CodeView, part, sentenceFor, setDisabled, show, write } from './view.js'
import { watch } from './watch.js'

const api = new Api(document.querySelector('meta[name="api"]')?.getAttribute('content') ?? '')
const texts = new Texts()
const time = new ServerTime()
const view = new CodeView(texts, time)

const [email, password, code] = ['email', 'password', 'code'].map((id) => part(id, HTMLInputElement))
if (!email || !password || !code) throw new Error('the page lacks an input')

/** The registration that is shown, and the password that speaks for it: in memory only, and gone with the page. */
/** @type {{ user: User, credentials: Credentials } | null} */
let registration = null
let watching = new AbortController()
let isBusy = false
/** One key for each address and password: the same again is the same registration. */
let attempt = { content: '', key: '', since: 0 }

/** @param {User} user */
function showUser(user) {
  if (registration === null) return
  registration.user = user
  if (user.status === 'pending') return view.refresh(user)
  stop()
  write('active-text', texts.say('active', { email: user.email }))
  show('active')
}

function stop() {
  watching.abort()
  watching = new AbortController()
}

function follow() {
  stop()
  if (registration === null) return
  const { user, credentials } = registration
  void watch(() => api.read(user.id, credentials), tell, watching.signal)
}

/** What a look at the registration brought. @param {Answer} answer */
function tell({ user, refusal }) {
  if (refusal?.problem === 'unauthenticated') return startOver(refusal)
  complain('state', refusal)
  if (user !== null) showUser(user)
}

/** @param {'form' | 'state' | 'code'} where @param {Refusal | null} refusal */
function complain(where, refusal) {
  write(`${where}-problem`, refusal === null ? '' : sentenceFor(texts, refusal))
}

/** @param {Refusal} refusal */
function startOver(refusal) {
  stop()
  registration = null
  show('form')
  complain('form', refusal)
}

/** Runs one request at a time; a second press meanwhile does nothing. @param {string} button @param {() => Promise<void>} work */
async function once(button, work) {
  if (isBusy || part(button, HTMLButtonElement).ariaDisabled === 'true') return
  isBusy = true
  setDisabled(button, true)
  await work()
  setDisabled(button, false)
  isBusy = false
  if (registration !== null && registration.user.status === 'pending') view.refresh(registration.user)
}

/** @param {string[]} faulty the names of the fields */
function markFields(faulty) {
  for (const input of [email, password]) {
    const isFaulty = faulty.includes(input?.id ?? '')
    if (input) input.ariaInvalid = String(isFaulty)
    write(`${input?.id}-fault`, isFaulty ? texts.say(`${input?.id}Fault`) : '')
  }
  const first = [email, password].find((input) => faulty.includes(input?.id ?? ''))
  first?.focus()
}

async function register() {
  const credentials = { email: email?.value.trim() ?? '', password: password?.value ?? '' }
  const content = JSON.stringify(credentials)
  if (attempt.content !== content) attempt = { content, key: newKey(), since: Date.now() }
  complain('form', null)
  const empty = [email, password].filter((input) => input?.value === '').map((input) => input?.id ?? '')
  if (empty.length > 0) return markFields(empty)
  const { user, refusal } = await api.register(credentials, { key: attempt.key, locale: texts.language })
  if (refusal !== null) {
    markFields(refusal.fields)
    if (refusal.problem !== 'invalid-input') complain('form', refusal)
    return
  }
  time.learn(user.createdAt, attempt.since)
  attempt = { content: '', key: '', since: 0 }
  markFields([])
  registration = { user, credentials }
  startCode()
}

/** `crypto.randomUUID` is there on https and localhost only; this is everywhere. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function startCode() {
  if (registration === null || !code) return
  code.value = ''
  code.ariaInvalid = 'false'
  complain('code', null)
  complain('state', null)
  view.startAnew()
  view.refresh(registration.user)
  show('code')
  follow()
}

async function confirm() {
  if (registration === null || !code) return
  const { user, credentials } = registration
  const typed = digitsIn(code.value)
  if (!/^(?:\d{4}|\d{8})$/.test(typed)) return refuseCode({ problem: 'unreadable', retryAfterSeconds: 0, fields: [] })
  const answer = await api.activate(user.id, credentials, typed)
  if (answer.user !== null) return showUser(answer.user)
  // How many attempts are left, and whether the code lives on, the registration tells.
  const now = await api.read(user.id, credentials)
  if (answer.refusal.problem === 'unauthenticated' && now.user === null) return startOver(answer.refusal)
  refuseCode(answer.refusal)
  if (now.user !== null) showUser(now.user)
  if (part('code-field', HTMLElement).hidden) part('resend', HTMLButtonElement).focus()
}

/** @param {Refusal} refusal */
function refuseCode(refusal) {
  if (!code) return
  code.ariaInvalid = 'true'
  complain('code', refusal)
  code.focus()
  code.select()
}

/** Digits alone, in whichever script they were typed or pasted. @param {string} typed */
function digitsIn(typed) {
  const western = typed.normalize('NFKC').replace(/[٠-٩۰-۹]/g, (digit) => String((digit.codePointAt(0) ?? 0) & 0xf))
  return western.replace(/\D/g, '')
}

async function resend() {
  if (registration === null) return
  const { id } = registration.user
  const { user, refusal } = await api.resend(id, registration.credentials)
  if (refusal?.problem === 'already-active') return tell(await api.read(id, registration.credentials))
  if (refusal !== null) return tell({ user, refusal })
  registration.user = user
  startCode()
  write('live', texts.say('resent'))
}

/** Another address: the form again, with what was typed. */
function leave() {
  stop()
  registration = null
  write('live', '')
  show('form')
  email?.select()
}

/** @param {string} language */
async function speak(language) {
  await texts.use(language)
  document.title = texts.say('title')
  if (registration?.user.status === 'pending') view.refresh(registration.user)
  if (registration?.user.status === 'active')
    write('active-text', texts.say('active', { email: registration.user.email }))
}

function offerLanguages() {
  const select = part('language', HTMLSelectElement)
  for (const [tag, name] of languages) {
    const option = new Option(name, tag)
    option.lang = tag
    select.add(option)
  }
  select.value = texts.language
  select.addEventListener('change', () => {
    history.replaceState(null, '', `?lang=${select.value}`)
    void speak(select.value)
  })
}

/** @param {string} id @param {string} type @param {(event: Event) => void} act */
function on(id, type, act) {
  part(id, HTMLElement).addEventListener(type, (event) => {
    event.preventDefault()
    act(event)
  })
}

on('form', 'submit', () => void once('create', register))
on('code-form', 'submit', () => void once('confirm', confirm))
on('resend', 'click', () => void once('resend', resend))
on('other', 'click', leave)
on('again', 'click', leave)
on('show', 'click', () => {
  if (!password) return
  const isShown = password.type === 'password'
  password.type = isShown ? 'text' : 'password'
  part('show', HTMLButtonElement).ariaPressed = String(isShown)
})
code.addEventListener('paste', (event) => {
  const pasted = digitsIn(event.clipboardData?.getData('text') ?? '')
  if (pasted.length !== 4 && pasted.length !== 8) return
  event.preventDefault()
  code.value = pasted
})
setInterval(() => {
  if (registration?.user.status === 'pending' && !isBusy) view.refresh(registration.user)
}, 250)

await speak(
  chooseLanguage([new URLSearchParams(location.search).get('lang') ?? '', ...navigator.languages].filter(Boolean)),
)
offerLanguages()
show('form')
