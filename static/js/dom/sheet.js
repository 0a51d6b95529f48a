/** A sheet: a dialog that floats over the page and goes by Escape, its cross or a tap beside it. */

/** @type {WeakSet<HTMLDialogElement>} */
const known = new WeakSet()

export class Sheet {
  /** @type {HTMLDialogElement} */
  element
  /** @param {HTMLDialogElement} element @param {{ docked?: () => boolean }} [options] docked: stands beside, not over */
  constructor(element, { docked = () => false } = {}) {
    this.element = element
    this.docked = docked
    if (known.has(element)) return
    known.add(element)
    element.addEventListener('click', event => this.#clicked(event))
    for (const button of element.querySelectorAll('[data-close]')) {
      button.addEventListener('click', () => this.close())
    }
    element.addEventListener('keydown', event => {
      if (event.key === 'Escape') this.close()
    })
  }
  get isOpen() {
    return this.element.open
  }
  open() {
    if (this.element.open) return
    if (this.docked()) this.element.show()
    else this.element.showModal()
  }
  close() {
    if (this.element.open) this.element.close()
  }
  toggle() {
    if (this.isOpen) this.close()
    else this.open()
  }
  /** @param {() => void} then */
  onClose(then) {
    this.element.addEventListener('close', then)
  }
  /** @param {MouseEvent} event */
  #clicked(event) {
    if (event.target !== this.element) return // padding-free: only the backdrop is the dialog itself
    this.close()
  }
}
