import { mailCard } from './mail-card.js'

const MAILS_SHOWN = 1000

/** The list of mails, newest first; a card that is already there stays, opened or not. */
export function showInbox(byId) {
  const list = byId('mails')
  const cards = new Map()

  const refresh = () => {
    byId('count').textContent = cards.size > 0 ? cards.size : ''
    byId('empty').hidden = cards.size === 0
    byId('nothing').hidden = cards.size > 0
  }

  const cardOf = (mail) => {
    const card = cards.get(mail.id) ?? mailCard(byId('mail-template'), mail)
    card.update(mail)
    return card
  }

  return {
    replace(mails) {
      const kept = mails.map((mail) => [mail.id, cardOf(mail)])
      cards.clear()
      for (const [id, card] of kept.toReversed()) cards.set(id, card)
      list.replaceChildren(...kept.map(([, card]) => card.element))
      refresh()
    },

    put(mail) {
      const card = cardOf(mail)
      if (!cards.has(mail.id)) arrive(list, card.element)
      cards.set(mail.id, card)
      if (cards.size > MAILS_SHOWN) {
        cards.delete(cards.keys().next().value)
        list.lastElementChild.remove()
      }
      refresh()
    },
  }
}

function arrive(list, element) {
  element.classList.add('new')
  list.prepend(element)
}
