// What jsforce does with an org; tells of each step as a line of JSON.
import jsforce from 'jsforce';

const given = process.env;
const contacts = Number(given.CRM_CONTACTS);

async function step(name, act) {
  let told;
  let ok = true;
  try {
    told = String(await act());
  } catch (error) {
    ok = false;
    told = `${error.name}: ${error.message}`.slice(0, 200);
  }
  console.log(JSON.stringify({ name, ok, told }));
}

function expect(condition, told) {
  if (!condition) throw new Error(told);
  return told;
}

const connection = new jsforce.Connection({ loginUrl: given.CRM_URL, version: '62.0' });

await step('sign in by SOAP', async () => {
  const user = await connection.login(given.CRM_USERNAME, given.CRM_PASSWORD + given.CRM_SECURITY_TOKEN);
  return expect(connection.accessToken && user.organizationId.startsWith('00D'), `user ${user.id}`);
});

await step('sign in by OAuth', async () => {
  const oauth2 = { loginUrl: given.CRM_URL, clientId: given.CRM_CONSUMER_KEY, clientSecret: given.CRM_CONSUMER_SECRET };
  const other = new jsforce.Connection({ oauth2, instanceUrl: given.CRM_URL, version: '62.0' });
  await other.authorize({ grant_type: 'client_credentials' });
  const me = await other.identity();
  return expect(me.organization_id.startsWith('00D'), `identity of ${me.username}`);
});

await step('query with paging', async () => {
  const first = await connection.query('SELECT Id FROM Contact');
  const rows = [...first.records];
  let page = first;
  while (!page.done) {
    page = await connection.queryMore(page.nextRecordsUrl);
    rows.push(...page.records);
  }
  const fetched = await connection.query('SELECT Id FROM Contact', { autoFetch: true, maxFetch: 100000 });
  const told = `${rows.length} rows, ${first.records.length} a page`;
  return expect(rows.length === contacts && fetched.records.length === contacts && first.records.length < contacts, told);
});

await step('query with children', async () => {
  const statement = 'SELECT Id, (SELECT ContactId, Role FROM OpportunityContactRoles) FROM Opportunity';
  const { records } = await connection.query(statement, { autoFetch: true });
  const roles = records.flatMap((row) => row.OpportunityContactRoles?.records ?? []);
  return expect(roles.length > 0 && roles[0].ContactId, `${roles.length} roles of ${records.length} deals`);
});

await step('describe', async () => {
  const all = await connection.describeGlobal();
  const task = await connection.describe('Task');
  const key = task.fields.find((field) => field.name === 'refsync_key__c');
  return expect(key.unique && all.sobjects.length > 5, `${all.sobjects.length} objects, Task has ${task.fields.length} fields`);
});

await step('create, update, retrieve, delete', async () => {
  const made = await connection.sobject('Contact').create({ LastName: 'Trial' });
  await connection.sobject('Contact').update({ Id: made.id, FirstName: 'Ada' });
  const { Name } = await connection.sobject('Contact').retrieve(made.id);
  const gone = await connection.sobject('Contact').destroy(made.id);
  return expect(Name === 'Ada Trial' && gone.success, 'each once');
});

await step('collections', async () => {
  const rows = ['x', 'y', 'x'].map((letter) => ({ Subject: letter, refsync_key__c: letter.repeat(64) }));
  const made = await connection.sobject('Task').create(rows, { allOrNone: false });
  return expect(made[0].success && made[1].success && !made[2].success, `third row: ${made[2].errors[0].statusCode}`);
});

await step('upsert by external id', async () => {
  const key = 'refsync_key__c';
  const first = await connection.sobject('Task').upsert({ [key]: 'b'.repeat(64), Subject: 'one' }, key);
  const second = await connection.sobject('Task').upsert({ [key]: 'b'.repeat(64), Subject: 'two' }, key);
  return expect(first.created && second.success && !second.created, 'created, then not');
});

await step('bulk2 query', async () => {
  connection.bulk2.pollInterval = 50;
  connection.bulk2.pollTimeout = 30000;
  const stream = await connection.bulk2.query('SELECT Id, Name FROM Contact');
  const rows = await stream.toArray();
  return expect(rows.length >= contacts && rows[0].Id.startsWith('003'), `${rows.length} rows`);
});

await step('limits', async () => {
  const { DailyApiRequests } = await connection.limits();
  return expect(DailyApiRequests.Max > 0 && connection.limitInfo.apiUsage.used > 0, `${connection.limitInfo.apiUsage.used} used`);
});
