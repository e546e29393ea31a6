// Judges statements of SOQL, one JSON list on standard input, by a parser that is not ours.
import { formatQuery, parseQuery } from '@jetstreamapp/soql-parser-js';
import { readFileSync } from 'node:fs';

const statements = JSON.parse(readFileSync(0, 'utf8'));
const refused = [];
for (const statement of statements) {
  try {
    formatQuery(statement);
    parseQuery(statement, { allowApexBindVariables: false });
  } catch (error) {
    refused.push(`${statement} :: ${error.message}`);
  }
}
const told = refused.length ? refused.slice(0, 5).join('\n') : `${statements.length} different statements`;
console.log(JSON.stringify({ name: 'every statement is SOQL', ok: statements.length > 0 && refused.length === 0, told }));

let caught = 0;
for (const wrong of ['SELECT FROM Account', 'SELECT Id FROM', 'SELECT Id FROM Account WHERE', 'Id FROM Account']) {
  try {
    parseQuery(wrong);
  } catch {
    caught += 1;
  }
}
console.log(JSON.stringify({ name: 'the judge refuses what is none', ok: caught === 4, told: `${caught} of 4` }));
