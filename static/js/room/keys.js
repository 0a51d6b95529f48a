/** Single keys on the watch page; never while somebody types. */

/** @param {Record<string, () => void>} actions by key */
export function listenForKeys(actions) {
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const on = /** @type {HTMLElement} */ (event.target)
    if (on.closest('input, textarea, select, [contenteditable], dialog')) return
    const action = actions[event.key.toLowerCase()]
    if (!action) return
    event.preventDefault()
    action()
  })
}

/** How much of the window the on-screen keyboard covers, as --keyboard. */
export function followKeyboard() {
  const viewport = globalThis.visualViewport
  if (!viewport) return
  const measure = () => {
    const covered = Math.max(0, innerHeight - viewport.height - viewport.offsetTop)
    document.documentElement.style.setProperty('--keyboard', `${Math.round(covered)}px`)
    document.body.classList.toggle('typing', covered > 80)
  }
  viewport.addEventListener('resize', measure)
  viewport.addEventListener('scroll', measure)
}
