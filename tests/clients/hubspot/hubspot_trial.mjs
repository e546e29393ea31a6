// What @hubspot/api-client does with a portal; tells of each step as a line of JSON.
import hubspot from '@hubspot/api-client';

const given = process.env;
const contacts = Number(given.CRM_CONTACTS);
const client = new hubspot.Client({ accessToken: given.CRM_TOKEN, basePath: given.CRM_URL, numberOfApiCallRetries: 3 });

async function step(name, act) {
  let told;
  let ok = true;
  try {
    told = String(await act());
  } catch (error) {
    ok = false;
    told = `${error.name}: ${error.message}`.slice(0, 300);
  }
  console.log(JSON.stringify({ name, ok, told }));
}

function expect(condition, told) {
  if (!condition) throw new Error(told);
  return told;
}

async function arm(...faults) {
  const body = JSON.stringify({ faults: faults.map((fault) => ({ kind: 'own', times: 1, ...fault })) });
  const reply = await fetch(`${given.CRM_URL}/_sandbox/faults`, { method: 'POST', body });
  expect(reply.ok, await reply.text());
}

async function calls() {
  const reply = await fetch(`${given.CRM_URL}/_sandbox/requests`);
  return (await reply.json()).total;
}

const search = (after) => ({
  filterGroups: [{ filters: [{ propertyName: 'lastmodifieddate', operator: 'GTE', value: '0' }] }],
  sorts: ['hs_object_id'],
  properties: ['email'],
  limit: 100,
  after,
});

await step('list', async () => {
  const page = await client.crm.contacts.basicApi.getPage(100, undefined, ['email'], undefined, ['companies'], false);
  const dated = page.results.every((one) => one.createdAt instanceof Date && !Number.isNaN(one.createdAt.getTime()));
  return expect(dated && page.paging.next.after, `${page.results.length} contacts, more after ${page.paging.next.after}`);
});

await step('getAll', async () => {
  const found = await client.crm.contacts.getAll();
  return expect(new Set(found.map((one) => one.id)).size === contacts, `${found.length} contacts`);
});

await step('search', async () => {
  const found = await client.crm.contacts.searchApi.doSearch(search('0'));
  const more = await client.crm.contacts.searchApi.doSearch(search(found.paging.next.after));
  return expect(found.total === contacts && more.results.length, `${found.total} found`);
});

await step('batch create, read, update, archive', async () => {
  const inputs = Array.from({ length: 100 }, (_, number) => ({
    properties: { hs_timestamp: '2026-12-01T10:00:00Z', refsync_key: String(number).padStart(64, '0') },
    associations: [],
  }));
  const api = client.crm.objects.tasks.batchApi;
  const made = await api.create({ inputs });
  const ids = made.results.map(({ id }) => ({ id }));
  const read = await api.read({ inputs: ids, properties: ['refsync_key'], propertiesWithHistory: [] });
  const done = await api.update({ inputs: ids.map(({ id }) => ({ id, properties: { hs_task_status: 'COMPLETED' } })) });
  await api.archive({ inputs: ids });
  expect(read.results.length === 100 && done.results.every((one) => one.properties.hs_task_status === 'COMPLETED'), 'not all');
  return `${made.results.length} tasks`;
});

await step('conflict', async () => {
  const task = { properties: { hs_timestamp: '2026-12-01T10:00:00Z', refsync_key: 'ef'.repeat(32) }, associations: [] };
  await client.crm.objects.tasks.basicApi.create(task);
  try {
    await client.crm.objects.tasks.basicApi.create(task);
  } catch (error) {
    return expect(error.code === 409 && error.body.category === 'CONFLICT', `${error.code} ${error.body.category}`);
  }
  throw new Error('created twice');
});

await step('associations', async () => {
  const [call] = (await client.crm.objects.calls.basicApi.getPage(1)).results;
  const found = await client.crm.associations.v4.batchApi.getPage('calls', 'companies', { inputs: [{ id: call.id }] });
  return expect(found.results[0].to[0].associationTypes.length, `type ${found.results[0].to[0].associationTypes[0].typeId}`);
});

await step('owners, properties, pipelines', async () => {
  const owners = await client.crm.owners.ownersApi.getPage();
  const properties = await client.crm.properties.coreApi.getAll('tasks');
  const pipelines = await client.crm.pipelines.pipelinesApi.getAll('deals');
  return expect(owners.results.length && properties.results.length && pipelines.results[0].stages.length, `${owners.results.length} owners`);
});

await step('retry after the 429 of a search', async () => {
  const before = await calls();
  await arm({ name: 'secondly-limit' });
  const found = await client.crm.contacts.searchApi.doSearch(search('0'));
  return expect(found.total === contacts && (await calls()) - before === 2, 'asked twice');
});

await step('retry after the 429 of ten seconds', async () => {
  const before = await calls();
  await arm({ name: 'ten-secondly-limit' });
  const found = await client.crm.owners.ownersApi.getPage();
  return expect(found.results.length && (await calls()) - before === 2, 'asked twice');
});

await step('retry after 502', async () => {
  const before = await calls();
  await arm({ name: 'error-page', status: 502 });
  const found = await client.crm.owners.ownersApi.getPage();
  return expect(found.results.length && (await calls()) - before === 2, 'asked twice');
});

await step('no retry after a daily limit', async () => {
  await arm({ name: 'daily-limit' });
  try {
    await client.crm.owners.ownersApi.getPage();
  } catch (error) {
    return expect(error.code === 429 && error.body.policyName === 'DAILY', `${error.code} ${error.body.policyName}`);
  }
  throw new Error('retried');
});

await step('OAuth', async () => {
  const app = ['sandbox-client', 'sandbox-secret', 'sandbox-refresh-token'];
  const granted = await client.oauth.tokensApi.create('refresh_token', undefined, undefined, ...app);
  return expect(granted.expiresIn === 1800, `good for ${granted.expiresIn} s`);
});
