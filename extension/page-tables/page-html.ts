/** The page of the editor: what it is made of before its script runs, and what it may load. */

interface PageParts {
  readonly script: string;
  readonly style: string;
  /** Where VS Code serves an extension's files from, as a source of a content security policy. */
  readonly source: string;
}

const NONCE_LENGTH = 32;

/** A word that only this page's script has. */
function nonceOf(): string {
  let nonce = '';
  while (nonce.length < NONCE_LENGTH) {
    nonce += Math.random().toString(36).slice(2);
  }
  return nonce.slice(0, NONCE_LENGTH);
}

export function pageHtml({ script, style, source }: PageParts): string {
  const nonce = nonceOf();
  const policy = `default-src 'none'; style-src ${source}; script-src 'nonce-${nonce}';`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${style}">
<title>Page Tables</title>
</head>
<body>
<form id="bar">
<label>Address space <select id="vcpu"></select></label>
<label class="wide">Address <input id="address" type="text" spellcheck="false" placeholder="0xc0100000 or an expression"></label>
<label>Access <select id="access"><option value="read">read</option><option value="write">write</option><option value="fetch">fetch</option></select></label>
<button type="submit">Walk</button>
<span class="end">
<button type="button" class="secondary" id="text">Export as Text</button>
<button type="button" class="secondary" id="csv">Export as CSV</button>
</span>
</form>
<section id="explanation" aria-live="polite" hidden><button type="button" id="close" class="secondary" aria-label="Close the explanation">×</button><h2></h2><ol></ol></section>
<p id="sentence" role="status" hidden></p>
<div id="head" class="row" aria-hidden="true"></div>
<div id="tree" role="tree" tabindex="0" aria-label="Address space"><div id="space"><div id="window" role="presentation"></div></div></div>
<footer id="summary"></footer>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>
`;
}
