import { html } from 'hono/html'
import { createMailTexts, renderSamples, type SampleMail } from '../../../src/core/mail/writing/mail-texts.ts'

const SETTINGS = { serviceName: 'Latchkey', defaultLocale: 'en', ttlSeconds: 60 }
const RIGHT_TO_LEFT = new Set(['ar'])
const names = new Intl.DisplayNames('en', { type: 'language' })

/** Every text of the mails in every language, as HTML and as plain text, side by side. Read anew each time, so that an edit shows on reload. */
export function textsPage() {
  const languages = Map.groupBy(renderSamples(createMailTexts(SETTINGS)), ({ language }) => language)
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8" />
  <meta name="viewport" content="width=device-width, initial-scale=1" />
  <meta name="color-scheme" content="light dark" />
  <title>Texts of the mails</title>
  <link rel="icon" href="/icon.svg" />
  <link rel="stylesheet" href="/base.css" />
  <link rel="stylesheet" href="/texts.css" />
</head>
<body>
  <main>
    <h1>Texts of the mails</h1>
    <p>Each language's code mail, and the notice to the owner of an address that somebody registered again. <a href="/">Inbox</a></p>
    <nav aria-label="Languages">${[...languages.keys()].map((language) => html`<a href="#${language}">${names.of(language)}</a> `)}</nav>
    ${[...languages].map(
      ([language, samples]) => html`<section id="${language}">
        <h2>${names.of(language)} <code>${language}</code></h2>
        <div class="pair">${samples.map(sampleOf)}</div>
      </section>`,
    )}
  </main>
</body>
</html>`
}

function sampleOf({ language, kind, mail }: SampleMail) {
  const what = kind === 'code' ? 'Code' : 'Notice'
  const dir = RIGHT_TO_LEFT.has(language) ? 'rtl' : 'ltr'
  return html`<article>
    <h3>${what}: <bdi lang="${language}" dir="${dir}">${mail.subject}</bdi></h3>
    <iframe title="${what} in ${names.of(language) ?? language}, HTML" sandbox="" srcdoc="${mail.html}"></iframe>
    <pre lang="${language}" dir="${dir}" tabindex="0" aria-label="${what} in ${names.of(language) ?? language}, plain text">${mail.text}</pre>
  </article>`
}
