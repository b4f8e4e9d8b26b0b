/**
 * The server's times compared with this machine's clock, which may be minutes off: the moment of the registration, which the
 * answer brings back, lies between the request and the answer, and tells by how much.
 */
export class ServerTime {
  #offsetMs = 0

  /** @param {string} createdAt of a registration that was asked for at `since` and has just been answered @param {number} since */
  learn(createdAt, since) {
    const created = Date.parse(createdAt)
    this.#offsetMs = created - Math.min(Math.max(created, since), Date.now())
  }

  /** 0 when that is over, or when there is no such time. @param {string | null | undefined} time */
  secondsUntil(time) {
    if (!time) return 0
    return Math.max(0, (Date.parse(time) - Date.now() - this.#offsetMs) / 1000)
  }
}
