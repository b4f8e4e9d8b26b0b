/** @import { Answer, Credentials, Refusal, User } from './api.js' */
import { Api, newKey } from './api.js'
import { Complaints } from './complaints.js'
import { digitsIn } from './digits.js'
import { ServerTime } from './server-time.js'
import { chooseLanguage, Texts } from './texts.js'
import { CodeView, nameStep, offerLanguages, part, setDisabled, show, write } from './view.js'
import { watch } from './watch.js'

const api = new Api(document.querySelector('meta[name="api"]')?.getAttribute('content') ?? '')
const texts = new Texts()
const time = new ServerTime()
const view = new CodeView(texts, time)
const complaints = new Complaints(texts)

const email = part('email', HTMLInputElement)
const password = part('password', HTMLInputElement)
const code = part('code', HTMLInputElement)

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
  complaints.make('state', refusal)
  if (user !== null) showUser(user)
}

/** @param {Refusal} refusal */
function startOver(refusal) {
  stop()
  registration = null
  show('form')
  complaints.make('form', refusal)
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

async function register() {
  const credentials = { email: email.value.trim(), password: password.value }
  const content = JSON.stringify(credentials)
  if (attempt.content !== content) attempt = { content, key: newKey(), since: Date.now() }
  complaints.make('form', null)
  const empty = [email, password].filter((input) => input.value === '').map((input) => input.id)
  if (empty.length > 0) return complaints.mark(empty)
  const { user, refusal } = await api.register(credentials, { key: attempt.key, locale: texts.language })
  if (refusal !== null) {
    complaints.mark(refusal.fields)
    if (refusal.problem !== 'invalid-input') complaints.make('form', refusal)
    return
  }
  time.learn(user.createdAt, attempt.since)
  attempt = { content: '', key: '', since: 0 }
  complaints.mark([])
  registration = { user, credentials }
  startCode()
}

function startCode() {
  if (registration === null) return
  code.value = ''
  code.ariaInvalid = 'false'
  complaints.make('code', null)
  complaints.make('state', null)
  view.startAnew()
  view.refresh(registration.user)
  show('code')
  follow()
}

async function confirm() {
  if (registration === null) return
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
}

/** @param {Refusal} refusal */
function refuseCode(refusal) {
  code.ariaInvalid = 'true'
  complaints.make('code', refusal)
  code.focus()
  code.select()
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
  email.select()
}

/** @param {string} language */
async function speak(language) {
  await texts.use(language)
  nameStep()
  write('live', '')
  complaints.sayAgain()
  if (registration?.user.status === 'pending') view.refresh(registration.user)
  if (registration?.user.status === 'active')
    write('active-text', texts.say('active', { email: registration.user.email }))
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
offerLanguages(texts.language, (language) => void speak(language))
show('form')
