// SPDX-License-Identifier: BSD-3-Clause
//
// A picture that is pasted or dropped on the search page is searched by, as if it had been chosen.

const form = document.querySelector('#by-picture');
const upload = document.querySelector('#upload');

function search(transfer) {
  const picture = [...transfer.files].find((file) => file.type.startsWith('image/'));
  if (!picture) return false;
  const chosen = new DataTransfer();
  chosen.items.add(picture);
  upload.files = chosen.files;
  form.requestSubmit();
  return true;
}

if (form) {
  document.addEventListener('paste', (event) => {
    if (search(event.clipboardData)) event.preventDefault();
  });
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    search(event.dataTransfer);
  });
}
