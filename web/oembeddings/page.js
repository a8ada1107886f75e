// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const input = document.querySelector('#input');
const button = document.querySelector('#button');
const feedback = document.querySelector('#feedback');
const list = document.querySelector('#problems');

function show(verdict, text, problems = []) {
  feedback.dataset.verdict = verdict;
  feedback.textContent = text;
  list.replaceChildren(
    ...problems.map(({ severity, message }) => {
      const item = document.createElement('li');
      item.textContent = `${severity}: ${message}`;
      return item;
    }),
  );
}

async function validate() {
  const json = input.value;
  try {
    const problems = await oembeddings_validate.problems(json);
    await oembeddings_validate(json).then(
      () => show('valid', 'Document validates as OEmbeddings', problems),
      (error) => show('invalid', `Validation failed: ${error.trim()}`, problems),
    );
  } catch (error) {
    show('invalid', `Validation failed: ${String(error).trim()}`);
  }
}

// An empty document is asked about first, so that what keeps WebAssembly from starting is told
// before anybody has typed.
oembeddings_validate.problems('{}').then(
  () => {
    show('', 'Ready');
    button.disabled = false;
    button.addEventListener('click', validate);
  },
  (error) => show('invalid', String(error).trim()),
);
