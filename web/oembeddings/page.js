// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const input = document.querySelector('#input');
const button = document.querySelector('#button');
const feedback = document.querySelector('#feedback');

function show(verdict, text, problems = []) {
  const items = problems.map(({ severity, message }) => {
    const item = document.createElement('li');
    item.textContent = `${severity}: ${message}`;
    return item;
  });
  feedback.dataset.verdict = verdict;
  feedback.querySelector('p').textContent = text;
  feedback.querySelector('ul').replaceChildren(...items);
}

async function validate() {
  try {
    const problems = await oembeddings_validate.problems(input.value);
    if (problems.some(({ severity }) => severity === 'error')) {
      show('invalid', 'Validation failed:', problems);
    } else {
      show('valid', 'Document validates as OEmbeddings', problems);
    }
  } catch (error) {
    show('invalid', `Validation failed: ${String(error).trim()}`);
  }
}

// A document is asked about first, so that what keeps WebAssembly from starting is told before
// anybody has typed.
oembeddings_validate.problems('{}').then(
  () => {
    show('', 'Ready');
    button.disabled = false;
    button.addEventListener('click', validate);
  },
  (error) => show('invalid', String(error).trim()),
);
