/** Reads what the page carries: texts by their element, and bytes that are gzip within base64. */

/** Return the object within the JSON of an element. */
export function objectOf(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

/** Return whether the page carries anything under that name. */
export function carries(id) {
  return Boolean(document.getElementById(id)?.textContent.trim());
}

/** Return the bytes within an element. */
export async function bytesOf(id) {
  const packed = fromBase64(document.getElementById(id).textContent.trim());
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/** Return the object within the packed JSON of an element. */
export async function packedObjectOf(id) {
  return JSON.parse(new TextDecoder().decode(await bytesOf(id)));
}

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}
