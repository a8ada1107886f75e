// SPDX-License-Identifier: BSD-3-Clause
//
// Texts that are more than text where a page forgets to escape them: something that runs, behind
// something that ends the place it stands in.

const RUNS = [
  '<script>window.__xss=1</script>',
  '<img src=x onerror=window.__xss=1>',
  '<svg onload=window.__xss=1>',
  '<svg><script>window.__xss=1</script></svg>',
  '<iframe srcdoc="<script>parent.__xss=1</script>"></iframe>',
  '<body onload=window.__xss=1>',
  '<details open ontoggle=window.__xss=1>',
  '<math><a xlink:href=javascript:window.__xss=1>x</a></math>',
  '<base href=//127.0.0.2/>',
  '<style>@import "//127.0.0.2/x"</style>',
  '<object data="data:text/html,<script>parent.__xss=1</script>"></object>',
  '<input autofocus onfocus=window.__xss=1>',
  '<a href="javascript:window.__xss=1">x</a>',
  '<meta http-equiv=refresh content="0;url=javascript:window.__xss=1">',
];
const ENDS = ['', '"', "'", '">', "'>", '</a>', '</option></select>', '</textarea></title>', '-->',
  ' " autofocus onfocus=window.__xss=1 x="'];
const WHOLE = [
  'javascript:window.__xss=1', 'JaVaScRiPt:window.__xss=1', ' javascript:window.__xss=1',
  'java\tscript:window.__xss=1', 'java\nscript:window.__xss=1', '\u0001javascript:window.__xss=1',
  'javascript&colon;window.__xss=1', 'javascript://%0awindow.__xss=1', 'vbscript:x',
  'data:text/html,<script>window.__xss=1</script>',
  'data:image/svg+xml,<svg onload=window.__xss=1>',
  'data:image/svg+xml;base64,PHN2Zy8+', 'blob:https://example.org/1', 'file:///etc/passwd',
  '//127.0.0.2/x', '\\\\127.0.0.2\\x', 'http://user:secret@127.0.0.2/', '{{constructor}}',
  '{{{title}}}', '{{> head}}', '{{#records}}', '${window.__xss=1}', '&lt;script&gt;',
  '%3Cscript%3E',
  '\ud834\udd1e<b>', '\u2028<script>window.__xss=1</script>', '<!--', ']]>', '<![CDATA[', '\u202e',
];

export const PAYLOADS = [
  ...ENDS.flatMap((end) => RUNS.map((runs) => end + runs)),
  ...WHOLE,
];
