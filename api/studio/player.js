// The one thing that sounds. It knows the side that plays, and those that come after it.

const audio = document.getElementById('audio')
export const SPEEDS = [1, 0.75, 0.5]

export const player = { speed: 1, setSpeed, play, replay: () => last && play(last), stop, clear, now: null, queue: [], onchange() {} }
let last = null

/** The pitch stays. */
function setSpeed(speed) {
  player.speed = audio.defaultPlaybackRate = audio.playbackRate = speed
  player.onchange()
}

/** Plays a side (`{url, playing(is), played(part), failed()}`) from its beginning, and then the others. */
async function play(side, queue = []) {
  stop()
  last = side
  Object.assign(player, { now: side, queue })
  side.playing(true)
  audio.src = side.url
  player.onchange()
  try {
    await audio.play()
    follow(side)
  } catch {
    if (player.now === side) stop(), side.failed()
  }
}

function stop() {
  audio.pause()
  player.now?.playing(false)
  Object.assign(player, { now: null, queue: [] })
  player.onchange()
}

/** Forgets a view that is no more. */
function clear() {
  player.onchange = () => {}
  stop()
  last = null
}

audio.addEventListener('ended', () => {
  const [next, ...others] = player.queue
  if (next) play(next, others)
  else stop()
})

function follow(side) {
  if (player.now !== side) return
  if (audio.duration) side.played(audio.currentTime / audio.duration)
  requestAnimationFrame(() => follow(side))
}
