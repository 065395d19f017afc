// tus-js-client as a browser uses it. `node tus.mjs upload|begin|resume ENDPOINT FILE… `, the token in TOKEN.
//
// upload: each file, resumed as often as the line breaks; prints {file, url} for each; then one upload is
// terminated.
// begin:  prints {url} of an upload that the server refused half-way; the refusal is expected.
// resume: continues the upload in URL, or starts again if the server no longer has it.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import * as tus from 'tus-js-client'

process.on('uncaughtException', (error) => {
  console.error(String(error))
  process.exit(1)
})

const [, , mode, endpoint, ...files] = process.argv
const headers = { Authorization: `Bearer ${process.env.TOKEN}` }
// A lost connection is retried forever; a refusal of the server is not.
const patient = { retryDelays: Array(500).fill(10) }

function send(bytes, options) {
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(bytes, {
      endpoint,
      headers,
      chunkSize: 8 * 1024,
      onError: reject,
      onSuccess: () => resolve(upload),
      ...options,
    })
    upload.start()
  })
}

function say(line) {
  console.log(JSON.stringify(line))
}

if (mode === 'upload') {
  await Promise.all(
    files.map(async (file, n) => {
      const bytes = readFileSync(file)
      const metadata = { filename: file }
      const upload = await send(bytes, { ...patient, metadata, uploadDataDuringCreation: n % 2 === 0 })
      say({ file, url: upload.url })
    }),
  )
  // One more upload, terminated in the middle.
  const bytes = readFileSync(files[0])
  const given = await new Promise((resolve, reject) => {
    const upload = new tus.Upload(bytes, {
      endpoint,
      headers,
      ...patient,
      chunkSize: 1024,
      onError: reject,
      onChunkComplete: () => upload.abort().then(() => resolve(upload.url), reject),
      onSuccess: () => reject(new Error('it was to be given up')),
    })
    upload.start()
  })
  for (;;) {
    try {
      await tus.Upload.terminate(given, { headers })
      break
    } catch (error) {
      const status = error.originalResponse?.getStatus() ?? 0
      // The response may have been lost: then the upload is gone already.
      if (status === 404) break
      if (status !== 0) throw error
      await sleep(10)
    }
  }
  say({ given })
} else if (mode === 'begin') {
  try {
    await send(readFileSync(files[0]), { retryDelays: null })
  } catch (error) {
    say({ url: error.originalRequest.getURL(), status: error.originalResponse?.getStatus() ?? 0 })
  }
} else if (mode === 'resume') {
  const upload = await send(readFileSync(files[0]), { ...patient, uploadUrl: process.env.URL_BEFORE })
  say({ file: files[0], url: upload.url })
} else {
  throw new Error(`what is ${mode}?`)
}
