const THANKS_MS = 1500

/** `hint` says for a moment whether it worked. */
export function copyOnClick(button, text, hint = button) {
  const before = hint.textContent
  button.addEventListener('click', async () => {
    const copied = await copy(text())
    hint.textContent = copied ? 'Copied' : 'Press Ctrl+C'
    button.classList.toggle('copied', copied)
    if (!copied) getSelection().selectAllChildren(button)
    setTimeout(() => {
      hint.textContent = before
      button.classList.remove('copied')
    }, THANKS_MS)
  })
}

// Browsers have a clipboard only on https and localhost, and people look at this page from their phones, too.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}
