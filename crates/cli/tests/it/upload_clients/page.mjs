// Uploads from a page of another origin than the gateway's, in three ways, and reports what the page could read.

import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'

const headers = (get) => Object.fromEntries(['etag', 'location', 'x-request-id'].map((name) => [name, get(name)]))

function formOf({ formFields }, file) {
  const form = new FormData()
  for (const [name, value] of Object.entries(formFields)) form.append(name, value)
  form.append('file', file, 'Beleg; "Nr. 1"; name=key.png')
  return form
}

async function byFetch(ticket, file) {
  const answer = await fetch(ticket.uploadUrl, { method: 'POST', body: formOf(ticket, file) })
  return { status: answer.status, text: await answer.text(), ...headers((name) => answer.headers.get(name)) }
}

// With listeners for progress, browsers send a preflight.
const byXhr = (ticket, file) => new Promise((resolve, reject) => {
  const xhr = new XMLHttpRequest()
  let sent = 0
  xhr.upload.onprogress = (event) => { sent = event.loaded }
  xhr.onload = () => resolve({ status: xhr.status, sent, ...headers((name) => xhr.getResponseHeader(name)) })
  xhr.onerror = () => reject(new Error('XMLHttpRequest failed'))
  xhr.open('POST', ticket.uploadUrl)
  xhr.setRequestHeader('X-Requested-With', 'XMLHttpRequest')
  xhr.send(formOf(ticket, file))
})

async function byUppy(ticket, file) {
  const uppy = new Uppy()
  uppy.use(AwsS3, { signRequest: async () => ({ url: ticket.uploadUrl, fields: ticket.formFields }) })
  uppy.addFile({ name: 'receipt.png', type: 'image/png', data: file })
  const { successful, failed } = await uppy.upload()
  return { failed: failed.map(({ error }) => error), locations: successful.map(({ uploadURL }) => uploadURL) }
}

async function byDocumentedFunction(ticket, file) {
  await upload(ticket, file)
  return upload(ticket, file).catch((error) => error.message)
}

async function all() {
  const [tickets, receipt] = await Promise.all(
    [fetch('/tickets').then((answer) => answer.json()), fetch('/receipt.png').then((answer) => answer.blob())])
  const large = new Blob([new Uint8Array(7_000_000)])
  return {
    fetch: await byFetch(tickets[0], receipt),
    refused: await byFetch(tickets[0], receipt),
    large: await byFetch(tickets[3], large),
    documented: await byDocumentedFunction(tickets[3], receipt),
    xhr: await byXhr(tickets[1], receipt),
    uppy: await byUppy(tickets[2], receipt),
  }
}

const result = await all().catch((error) => ({ error: String(error) }))
await fetch('/result', { method: 'POST', body: JSON.stringify(result) })
