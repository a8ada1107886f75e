// SPDX-License-Identifier: BSD-3-Clause
//
// What the pages do better with JavaScript; without it they work all the same.

/** A choice takes effect at once. The button stays, for words and for keyboards. */
for (const select of document.querySelectorAll('#filters select, #filters [type="checkbox"]')) {
  select.addEventListener('change', () => {
    const provider = document.querySelector('#model-provider');
    if (select.id === 'others' && select.checked && provider) {
      provider.value = '';
    }
    if (select.id === 'model-provider' && select.value !== '') {
      document.querySelector('#others').checked = false;
    }
    select.form.requestSubmit();
  });
}

/** Fields that are left empty do not clutter the address. */
for (const form of document.querySelectorAll('#filters')) {
  form.addEventListener('formdata', ({ formData }) => {
    for (const [name, value] of [...formData]) {
      if (value === '') formData.delete(name);
    }
  });
}

/** A picture that cannot be loaded says so. */
function replace(image) {
  const note = document.createElement('span');
  note.className = 'none';
  note.textContent = 'The picture cannot be loaded';
  image.replaceWith(note);
}
for (const image of document.querySelectorAll('main img')) {
  if (image.complete && image.naturalWidth === 0) {
    replace(image);
  } else {
    image.addEventListener('error', () => replace(image));
  }
}
