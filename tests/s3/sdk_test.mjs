// SPDX-License-Identifier: BSD-3-Clause
//
// The official SDK drives every operation of the S3 Vectors server, good and bad.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';

import {ACCOUNT, arn, client, folder, KEYS, sdk, sender, serve, stopAll} from './support.mjs';

let server;
let s3;
let send;

before(async () => {
  server = await serve(['memory://', 'memory://?metric=l2']);
  s3 = client(server);
  send = sender(s3);
});
after(async () => {
  s3.destroy();
  assert.equal(await server.stop(), 0, server.log);
  assert.ok(!server.log.includes(KEYS.secretAccessKey), 'a secret is in the log');
});
after(stopAll);

/** Fails with the error type, the status and a message. */
async function refuses(promise, name, status, message) {
  const error = await promise.then(
      () => assert.fail(`no ${name}`),
      (caught) => caught,
  );
  assert.equal(error.name, name, error.message);
  assert.equal(error.$metadata.httpStatusCode, status);
  assert.match(error.message, message);
  return error;
}
const invalid = (promise, message) => refuses(promise, 'ValidationException', 400, message);

let made = 0;
/** A new bucket with an index of its own: what requests name. */
async function index(settings = {}, vectors = []) {
  const names = {vectorBucketName: `bucket-${(made += 1)}`, indexName: 'index'};
  await send('CreateVectorBucket', {vectorBucketName: names.vectorBucketName});
  await send('CreateIndex', {
    ...names,
    dataType: 'float32',
    dimension: 3,
    distanceMetric: 'cosine',
    ...settings,
  });
  if (vectors.length > 0) await send('PutVectors', {...names, vectors});
  return names;
}
const vector = (key, float32, metadata) => ({
  key,
  data: {float32},
  ...(metadata === undefined ? {} : {metadata}),
});
const keysOf = (answer) => answer.vectors.map(({key}) => key);

test('buckets', async () => {
  const vectorBucketName = 'my-bucket';
  const made = await send('CreateVectorBucket', {
    vectorBucketName,
    encryptionConfiguration: {sseType: 'AES256'},
    tags: {team: 'x y', \u00fc: '\u00e9'},
  });
  assert.equal(made.vectorBucketArn, arn(vectorBucketName));
  for (const named of [{vectorBucketName}, {vectorBucketArn: arn(vectorBucketName)}]) {
    const {vectorBucket} = await send('GetVectorBucket', named);
    assert.equal(vectorBucket.vectorBucketName, vectorBucketName);
    assert.equal(vectorBucket.vectorBucketArn, arn(vectorBucketName));
    assert.ok(Math.abs(Date.now() - vectorBucket.creationTime) < 60_000);
    assert.deepEqual(vectorBucket.encryptionConfiguration, {sseType: 'AES256'});
  }
  await refuses(
      send('CreateVectorBucket', {vectorBucketName}),
      'ConflictException',
      409,
      /already exists/,
  );
  const short = await invalid(
      send('CreateVectorBucket', {vectorBucketName: 'ab'}),
      /Value with length 2 at '\/vectorBucketName' failed to.*length between 3 and 63, inclusive/);
  assert.equal(short.fieldList[0].path, '/vectorBucketName');
  await invalid(
      send('CreateVectorBucket', {vectorBucketName: 'Upper'}), /Invalid vector bucket name/);
  await invalid(send('CreateVectorBucket', {}), /must not be null/);
  await invalid(send('GetVectorBucket', {}), /either vectorBucketName or vectorBucketArn/);
  await invalid(
      send('CreateVectorBucket', {
        vectorBucketName: 'kms',
        encryptionConfiguration: {sseType: 'AES256', kmsKeyArn: 'arn:aws:kms:x'},
      }),
      /kmsKeyArn must not be specified/,
  );
  await send('DeleteVectorBucket', {vectorBucketName});
  await refuses(
      send('GetVectorBucket', {vectorBucketName}), 'NotFoundException', 404,
      /vector bucket could not be found/);
  await refuses(send('DeleteVectorBucket', {vectorBucketName}), 'NotFoundException', 404, /bucket/);
});

test('lists of buckets and indexes, by page and prefix', async () => {
  for (const name of ['list-a', 'list-b', 'list-c', 'other-a']) {
    await send('CreateVectorBucket', {vectorBucketName: name});
  }
  const names = [];
  for await (
      const page of sdk.paginateListVectorBuckets({client: s3, pageSize: 2}, {prefix: 'list-'})) {
    names.push(page.vectorBuckets.map(({vectorBucketName}) => vectorBucketName));
  }
  assert.deepEqual(names, [['list-a', 'list-b'], ['list-c']]);
  for (const indexName of ['one', 'two', 'three']) {
    await send('CreateIndex', {
      vectorBucketName: 'list-a',
      indexName,
      dataType: 'float32',
      dimension: 2,
      distanceMetric: 'cosine',
    });
  }
  const indexes = [];
  for await (const page of sdk.paginateListIndexes(
      {client: s3, pageSize: 2}, {vectorBucketName: 'list-a', prefix: 't'})) {
    indexes.push(...page.indexes);
  }
  assert.deepEqual(indexes.map(({indexName}) => indexName), ['three', 'two']);
  assert.equal(indexes[0].indexArn, arn('list-a', 'three'));
  assert.ok(indexes[0].creationTime instanceof Date);
  await refuses(
      send('DeleteVectorBucket', {vectorBucketName: 'list-a'}), 'ConflictException', 409,
      /not empty/);
  await invalid(send('ListVectorBuckets', {maxResults: 501}), /between 1 and 500/);
  await invalid(send('ListVectorBuckets', {nextToken: 'x'}), /Invalid nextToken/);
});

test('indexes', async () => {
  const names = await index({metadataConfiguration: {nonFilterableMetadataKeys: ['text']}});
  const answer = (await send('GetIndex', names)).index;
  assert.deepEqual(
      {...answer, creationTime: undefined},
      {
        ...names,
        indexArn: arn(names.vectorBucketName, names.indexName),
        creationTime: undefined,
        dataType: 'float32',
        dimension: 3,
        distanceMetric: 'cosine',
        metadataConfiguration: {nonFilterableMetadataKeys: ['text']},
        encryptionConfiguration: {sseType: 'AES256'},
      },
  );
  assert.deepEqual((await send('GetIndex', {indexArn: answer.indexArn})).index, answer);
  const create = {...names, dataType: 'float32', dimension: 3, distanceMetric: 'cosine'};
  await refuses(send('CreateIndex', create), 'ConflictException', 409, /already exists/);
  await invalid(send('CreateIndex', {...create, dimension: 4097}), /between 1 and 4096/);
  const bad = await invalid(
      send('CreateIndex', {...create, distanceMetric: 'dot', dataType: 'int8'}),
      /2 validation errors.*set: \[float32\].*set: \[euclidean, cosine\]/,
  );
  assert.deepEqual(bad.fieldList.map(({path}) => path), ['/dataType', '/distanceMetric']);
  await invalid(send('CreateIndex', {}), /Must specify either vectorBucketName/);
  await invalid(send('GetIndex', {indexName: 'index'}), /Must specify either indexArn or both/);
  await invalid(send('GetIndex', {...names, indexArn: answer.indexArn}), /Must specify either/);
  await invalid(send('GetIndex', {indexArn: 'arn:aws:s3vectors:nonsense'}), /Invalid ARN/);
  await refuses(
      send('GetIndex', {...names, indexName: 'absent'}), 'NotFoundException', 404,
      /specified index could not be found/);
  await refuses(
      send('GetIndex', {...names, vectorBucketName: 'absent'}), 'NotFoundException', 404,
      /bucket could not/);
  await send('PutVectors', {...names, vectors: [vector('k', [1, 0, 0])]});
  await send('DeleteIndex', names);
  await refuses(send('GetIndex', names), 'NotFoundException', 404, /index/);
  await refuses(send('DeleteIndex', names), 'NotFoundException', 404, /index/);
  await send('CreateIndex', {...create, dimension: 2});
  assert.deepEqual(await send('ListVectors', names), {vectors: []});
});

test('policies', async () => {
  const {vectorBucketName} = await index();
  await refuses(
      send('GetVectorBucketPolicy', {vectorBucketName}), 'NotFoundException', 404,
      /policy could not be found/);
  const policy = JSON.stringify({Version: '2012-10-17', Statement: []});
  await send('PutVectorBucketPolicy', {vectorBucketName, policy});
  assert.deepEqual(await send('GetVectorBucketPolicy', {vectorBucketArn: arn(vectorBucketName)}), {
    policy,
  });
  await invalid(
      send('PutVectorBucketPolicy', {vectorBucketName, policy: 'no JSON'}), /no JSON object/);
  await send('DeleteVectorBucketPolicy', {vectorBucketName});
  await refuses(
      send('GetVectorBucketPolicy', {vectorBucketName}), 'NotFoundException', 404, /policy/);
});

test('tags of buckets and indexes', async () => {
  const names = await index({tags: {a: 'b'}});
  for (const [resourceArn, first] of [
           [arn(names.vectorBucketName), {}],
           [arn(names.vectorBucketName, names.indexName), {a: 'b'}],
  ]) {
    assert.deepEqual(await send('ListTagsForResource', {resourceArn}), {tags: first});
    await send('TagResource', {resourceArn, tags: {'k 1': 'v/1', \u00e9: '\u00fc', 'z+=:@': ''}});
    assert.deepEqual((await send('ListTagsForResource', {resourceArn})).tags, {
      ...first,
      'k 1': 'v/1',
      \u00e9: '\u00fc',
      'z+=:@': '',
    });
    await send('UntagResource', {resourceArn, tagKeys: ['k 1', 'z+=:@', '\u00e9', 'absent']});
    assert.deepEqual(await send('ListTagsForResource', {resourceArn}), {tags: first});
  }
  const resourceArn = arn(names.vectorBucketName);
  await invalid(send('TagResource', {resourceArn, tags: {'a*b': ''}}), /character other than/);
  const many = Object.fromEntries(Array.from({length: 51}, (_, i) => [`k${i}`, 'v']));
  await invalid(send('TagResource', {resourceArn, tags: many}), /at most 50 tags/);
  await refuses(
      send('TagResource', {resourceArn: arn('absent'), tags: {}}), 'NotFoundException', 404,
      /bucket/);
  await refuses(
      send(
          'ListTagsForResource',
          {resourceArn: `arn:aws:s3vectors:eu-west-1:${ACCOUNT}:bucket/b-1`}),
      'NotFoundException',
      404,
      /not of this server/,
  );
});

test('vectors are put, replaced, read and deleted', async () => {
  const names = await index();
  const metadata = {
    text: 'a "quoted" \u{1f600}\n<b>',
    number: 1.5,
    whole: 9007199254740991,
    small: -1e-7,
    yes: true,
    no: false,
    list: ['x', 2, ''],
    empty: [],
    's3:json': 'mine',
    'x-provider': 'p',
  };
  await send('PutVectors', {
    ...names,
    vectors: [vector('k1', [0.1, -2, 3e-9], metadata), vector('k/2#\u00e9', [1, 2, 3])],
  });
  assert.deepEqual(await send('GetVectors', {...names, keys: ['k1', 'absent', 'k/2#\u00e9']}), {
    vectors: [{key: 'k1'}, {key: 'k/2#\u00e9'}],
  });
  const both = await send('GetVectors', {
    ...names,
    keys: ['k/2#\u00e9', 'k1'],
    returnData: true,
    returnMetadata: true,
  });
  assert.deepEqual(both.vectors[0], vector('k/2#\u00e9', [1, 2, 3], {}));
  assert.deepEqual(both.vectors[1].metadata, metadata);
  assert.deepEqual(both.vectors[1].data.float32.map(Math.fround), [0.1, -2, 3e-9].map(Math.fround));
  await send('PutVectors', {...names, vectors: [vector('k1', [1, 1, 1])]});
  assert.deepEqual(
      (await send('GetVectors', {...names, keys: ['k1'], returnData: true, returnMetadata: true}))
          .vectors,
      [vector('k1', [1, 1, 1], {})],
  );
  await send('PutVectors', {...names, vectors: [vector('d', [1, 0, 0]), vector('d', [0, 1, 0])]});
  assert.deepEqual(
      (await send('GetVectors', {...names, keys: ['d'], returnData: true})).vectors[0].data.float32,
      [0, 1, 0],
  );
  await send('DeleteVectors', {...names, keys: ['k1', 'absent']});
  assert.deepEqual(keysOf(await send('ListVectors', names)), ['d', 'k/2#\u00e9']);
});

test('keys may be anything', async () => {
  const names = await index();
  const keys =
      ['\n', '\u0000', '\u00e9'.repeat(1024), '\u{1f600}'.repeat(256), 's3:key:x',
       '<&>'.repeat(341), ' '];
  await send('PutVectors', {
    ...names,
    vectors: keys.map((key, i) => vector(key, [1, i, 0], {i})),
  });
  assert.deepEqual(keysOf(await send('GetVectors', {...names, keys})), keys);
  const listed = [];
  for await (const page of sdk.paginateListVectors({client: s3, pageSize: 1}, {...names})) {
    listed.push(...keysOf(page));
  }
  assert.deepEqual(listed.sort(), [...keys].sort());
  const query = {...names, topK: 10, queryVector: {float32: [1, 0, 0]}};
  assert.deepEqual(keysOf(await send('QueryVectors', query)), keys);
  await invalid(
      send('PutVectors', {...names, vectors: [vector('k'.repeat(1025), [1, 1, 1])]}), /1024/);
  await send('DeleteVectors', {...names, keys});
  assert.deepEqual(await send('ListVectors', names), {vectors: []});
});

test('a batch is put whole or not at all, and says which vector is bad', async () => {
  const names = await index({metadataConfiguration: {nonFilterableMetadataKeys: ['big']}});
  const good = vector('good', [1, 2, 3]);
  const cases = [
    [
      vector('K', [1]), /Invalid record for key 'K': vector must have length 3, but has length 1/,
      'vectors[1]'
    ],
    [
      vector('K', [0, 0, 0]), /cosine distance does not support vectors with zero norm/,
      'vectors[1]'
    ],
    [vector('K', [1e-46, 0, 0]), /zero norm/, 'vectors[1]'],
    [vector('K', [1, NaN, 3]), /vector contains NaNs or Infs/, 'vectors[1]'],
    [vector('K', [1, Infinity, 3]), /vector contains NaNs or Infs/, 'vectors[1]'],
    [vector('K', [1, 1e39, 3]), /vector contains NaNs or Infs/, 'vectors[1]'],
    [
      vector('K', [1, 2, 3], {a: 'x'.repeat(2048)}),
      /Filterable metadata must have at most 2048 bytes/, 'vectors[1].metadata'
    ],
    [
      vector('K', [1, 2, 3], {big: 'x'.repeat(40960)}),
      /Metadata object must have at most 40960 bytes/, 'vectors[1].metadata'
    ],
    [
      vector('K', [1, 2, 3], Object.fromEntries(Array.from({length: 51}, (_, i) => [`k${i}`, 1]))),
      /at most 50 keys/, 'vectors[1].metadata'
    ],
    [
      vector('K', [1, 2, 3], {a: {b: 1}}),
      /Metadata values must be strings, numbers, booleans, or arrays/, 'vectors[1].metadata'
    ],
    [
      vector('K', [1, 2, 3], {a: [true]}), /Metadata array values must be strings or numbers/,
      'vectors[1].metadata'
    ],
    [vector('K', [1, 2, 3], {a: null}), /Metadata values must be/, 'vectors[1].metadata'],
  ];
  for (const [bad, message, path] of cases) {
    const error = await invalid(send('PutVectors', {...names, vectors: [good, bad]}), message);
    assert.equal(error.fieldList[0].path, path);
  }
  await invalid(send('PutVectors', {...names, vectors: []}), /between 1 and 500/);
  await invalid(
      send('PutVectors', {...names, vectors: Array.from({length: 501}, () => good)}), /500/);
  await invalid(send('PutVectors', {...names}), /'\/vectors'.*must not be null/);
  assert.deepEqual(await send('ListVectors', names), {vectors: []});
  await send('PutVectors', {...names, vectors: [vector('max', [3.4028235e38, 0, 0])]});
});

test('large metadata comes back as it was, however often it is replaced', async () => {
  const names = await index({metadataConfiguration: {nonFilterableMetadataKeys: ['big', 'list']}});
  const filterable =
      Object.fromEntries(Array.from({length: 48}, (_, i) => [`key-${i}`, `value-${i}`]));
  const large = {
    ...filterable,
    big: '\u{1f600}'.repeat(5000),
    list: Array.from({length: 2000}, (_, i) => i / 7)
  };
  const get = async () =>
      (await send('GetVectors', {...names, keys: ['k'], returnMetadata: true})).vectors[0].metadata;
  for (const metadata of [large, {a: 'b'}, large, {...large, big: 'x'.repeat(20000)}]) {
    await send('PutVectors', {...names, vectors: [vector('k', [1, 2, 3], metadata)]});
    assert.deepEqual(await get(), metadata);
  }
  const found = await send('QueryVectors', {
    ...names,
    topK: 1,
    queryVector: {float32: [1, 2, 3]},
    returnMetadata: true,
    filter: {'key-47': 'value-47'},
  });
  assert.deepEqual(found.vectors[0].metadata, {...large, big: 'x'.repeat(20000)});
});

test('lists: pages, segments, changes in between', async () => {
  const keys = Array.from({length: 250}, (_, i) => `k-${String(i).padStart(3, '0')}`);
  const names = await index({}, keys.map((key, i) => vector(key, [1, i, 0], {i})));
  const list = async (more) => {
    const pages = [];
    for await (const page of sdk.paginateListVectors({client: s3}, {...names, ...more})) {
      pages.push(keysOf(page));
    }
    return pages;
  };
  const pages = await list({maxResults: 100});
  assert.deepEqual(pages.map((page) => page.length), [100, 100, 50]);
  assert.deepEqual(pages.flat(), keys);
  const segments = [];
  for (let segmentIndex = 0; segmentIndex < 4; segmentIndex += 1) {
    segments.push((await list({segmentCount: 4, segmentIndex, maxResults: 20})).flat());
  }
  assert.ok(segments.every((segment) => segment.length > 0));
  assert.deepEqual(segments.flat().sort(), keys);
  // What a page has given is deleted before the next one is asked for.
  const seen = [];
  let nextToken;
  do {
    const page = await send('ListVectors', {...names, maxResults: 30, nextToken});
    seen.push(...keysOf(page));
    await send('DeleteVectors', {...names, keys: keysOf(page)});
    ({nextToken} = page);
  } while (nextToken);
  assert.deepEqual(seen, keys);
  await invalid(
      send('ListVectors', {...names, maxResults: 1001}),
      /Member must be between 1 and 1000, inclusive/);
  await invalid(send('ListVectors', {...names, segmentCount: 2}), /segmentCount and segmentIndex/);
  await invalid(send('ListVectors', {...names, segmentCount: 2, segmentIndex: 2}), /less than/);
  await invalid(send('ListVectors', {...names, nextToken: 'bm9uc2Vuc2U='}), /Invalid nextToken/);
});

test('a page of a list ends at 1 MB', async () => {
  const names = await index({metadataConfiguration: {nonFilterableMetadataKeys: ['big']}});
  const big = 'x'.repeat(30_000);
  await send('PutVectors', {
    ...names,
    vectors: Array.from({length: 60}, (_, i) => vector(`k${i}`, [1, i, 1], {big})),
  });
  const sizes = [];
  for await (
      const page of sdk.paginateListVectors({client: s3}, {...names, returnMetadata: true})) {
    sizes.push(page.vectors.length);
  }
  assert.deepEqual(sizes, [35, 25]);
});

test('queries: distances, order, flags', async () => {
  const names = await index({}, [
    vector('same', [1, 1, 1]),
    vector('near', [1, 1, 2]),
    vector('opposite', [-1, -1, -1]),
  ]);
  const query = {...names, topK: 3, queryVector: {float32: [1, 1, 1]}};
  assert.deepEqual(await send('QueryVectors', query), {
    distanceMetric: 'cosine',
    vectors: [{key: 'same'}, {key: 'near'}, {key: 'opposite'}],
  });
  const answer = await send('QueryVectors', {...query, returnDistance: true, returnMetadata: true});
  const distances = answer.vectors.map(({distance}) => distance);
  assert.ok(Math.abs(distances[1] - 0.05719095841050148) < 1e-6);
  assert.deepEqual([distances[0], distances[2]], [0, 2]);
  assert.deepEqual(answer.vectors[0].metadata, {});
  const plain = await index({distanceMetric: 'euclidean'}, [
    vector('same', [1, 1, 1]),
    vector('one', [1, 1, 2]),
    vector('far', [2, 2, 2]),
    vector('zero', [0, 0, 0]),
  ]);
  const l2 = await send('QueryVectors', {...query, ...plain, topK: 3, returnDistance: true});
  assert.equal(l2.distanceMetric, 'euclidean');
  assert.deepEqual(
      l2.vectors.map(({distance}) => Math.fround(distance)), [0, 1, Math.fround(Math.sqrt(3))]);
  await invalid(send('QueryVectors', {...query, topK: 0}), /between 1 and 10000/);
  await invalid(send('QueryVectors', {...query, topK: undefined}), /'\/topK'.*must not be null/);
  await invalid(send('QueryVectors', {}), /Must specify either indexArn/);
  for (const float32 of [[1], [0, 0, 0], [NaN, 1, 1]]) {
    const error = await invalid(
        send('QueryVectors', {...query, queryVector: {float32}}),
        /Query vector contains invalid values or is invalid for this index/);
    assert.equal(error.fieldList.at(-1).path, 'vector');
  }
});

test('queries: filters', async () => {
  const names = await index(
      {metadataConfiguration: {nonFilterableMetadataKeys: ['text']}},
      [
        vector('a', [1, 0, 0], {genre: 'drama', year: 1999, tags: ['x', 'y'], ok: true, text: 't'}),
        vector('b', [1, 0.1, 0], {genre: 'comedy', year: 2005, tags: ['y', 3], ok: false}),
        vector('c', [1, 0.2, 0], {genre: ['drama', 'comedy'], year: 2010}),
        vector('d', [1, 0.3, 0], {}),
      ],
  );
  const found = async (filter) =>
      keysOf(await send(
                 'QueryVectors', {...names, topK: 10, queryVector: {float32: [1, 0, 0]}, filter}))
          .join('');
  const cases = [
    [{genre: 'drama'}, 'ac'],
    [{genre: {$eq: 'comedy'}}, 'bc'],
    [{genre: {$ne: 'drama'}}, 'b'],
    [{year: {$gt: 1999}}, 'bc'],
    [{year: {$gte: 1999, $lt: 2010}}, 'ab'],
    [{year: {$lte: 1999}}, 'a'],
    [{genre: {$in: ['drama', 'horror']}}, 'ac'],
    [{genre: {$nin: ['drama']}}, 'b'],
    [{genre: {$exists: true}}, 'abc'],
    [{genre: {$exists: false}}, 'd'],
    [{tags: 'y'}, 'ab'],
    [{tags: 3}, 'b'],
    [{tags: '3'}, ''],
    [{ok: true}, 'a'],
    [{ok: 'true'}, ''],
    [{genre: 'drama', year: 1999}, 'a'],
    [{$and: [{genre: 'drama'}, {year: {$gt: 2000}}]}, 'c'],
    [{$or: [{genre: 'comedy'}, {year: 1999}]}, 'abc'],
    [{genre: {$startsWith: 'dra'}}, 'ac'],
  ];
  for (const [filter, keys] of cases) {
    assert.equal(await found(filter), keys, JSON.stringify(filter));
  }
  for (const filter
           of [{},
               [],
               {genre: {}},
               {genre: {$not: 'x'}},
               {$and: []},
               {$nor: [{a: 1}]},
               {genre: {$in: []}},
               {year: {$gt: 'x'}},
               {genre: null},
               {genre: ['x']},
               {genre: {$exists: 1}},
  ]) {
    await invalid(found(filter), /^Invalid filter/);
  }
  await invalid(found({text: 't'}), /Invalid use of non-filterable metadata in filter/);
});

test('queries: k come back whenever k match, however rare they are', async () => {
  const count = 2500;
  const names = await index();
  for (let begin = 0; begin < count; begin += 500) {
    await send('PutVectors', {
      ...names,
      vectors:
          Array.from({length: 500}, (_, i) => begin + i)
              .map(
                  (i) => vector(
                      `k${i}`, [1, i / count, 0], {n: i, rare: i % 500 === 499 ? 'yes' : 'no'})),
    });
  }
  const query = {...names, queryVector: {float32: [1, 0, 0]}};
  const rare = ['k499', 'k999', 'k1499', 'k1999', 'k2499'];
  assert.deepEqual(
      keysOf(await send('QueryVectors', {...query, topK: 5, filter: {rare: 'yes'}})), rare);
  assert.deepEqual(
      keysOf(await send('QueryVectors', {...query, topK: 3, filter: {n: {$gt: 2400}}})),
      ['k2401', 'k2402', 'k2403']);
  const pages = [];
  for await (const page of sdk.paginateQueryVectors({client: s3}, {...query, topK: 2200})) {
    pages.push(keysOf(page));
  }
  assert.deepEqual(pages.map((page) => page.length), [1000, 1000, 200]);
  assert.deepEqual(pages.flat(), Array.from({length: 2200}, (_, i) => `k${i}`));
  const {nextToken} = await send('QueryVectors', {...query, topK: 2200});
  await invalid(
      send('QueryVectors', {...query, topK: 2100, nextToken}), /belongs to another query/);
});

test('signatures', async () => {
  const list = (settings) => sender(client(server, settings))('ListVectorBuckets', {});
  await list({});
  const keys = (changed) => list({credentials: {...KEYS, ...changed}});
  await refuses(
      keys({secretAccessKey: 'wrong'}), 'SignatureDoesNotMatch', 403, /does not match/);
  await refuses(
      keys({accessKeyId: 'AKIDOTHER'}), 'UnrecognizedClientException', 403, /invalid/);
  await refuses(list({region: 'eu-west-1'}), 'SignatureDoesNotMatch', 403, /region "us-west-2"/);
  await refuses(list({systemClockOffset: -3_600_000}), 'RequestTimeTooSkewed', 403, /300 seconds/);
  const unsigned =
      await fetch(`${server.endpoint}/ListVectorBuckets`, {method: 'POST', body: '{}'});
  assert.equal(unsigned.status, 403);
  assert.equal(unsigned.headers.get('x-amzn-errortype'), 'MissingAuthenticationTokenException');
  const tampered = client(server);
  tampered.middlewareStack.add(
      (next) => (args) => {
        args.request.body = args.request.body.replace('10', '11');
        return next(args);
      },
      {step: 'finalizeRequest', priority: 'low'},
  );
  await refuses(
      sender(tampered)('ListVectorBuckets', {maxResults: 10}), 'SignatureDoesNotMatch', 403, /./);
});

test('a server without keys takes programs, not pages', async () => {
  const open = await serve(['memory://'], {keys: null});
  assert.match(open.log, /No keys: requests are not authenticated/);
  const post = (path, body, headers = {}) =>
      fetch(`${open.endpoint}${path}`, {method: 'POST', body, headers});
  assert.equal((await post('/CreateVectorBucket', '{"vectorBucketName":"bucket"}')).status, 200);
  assert.equal((await post('/base//ListVectorBuckets', '')).status, 200);
  assert.equal((await post('/ListVectorBuckets', '{}', {Origin: 'http://x'})).status, 403);
  for (const [path, body, status, type] of [
           ['/NoSuchOperation', '{}', 404, 'UnknownOperationException'],
           ['/ListVectorBuckets', '{', 400, 'SerializationException'],
           ['/ListVectorBuckets', '[]', 400, 'SerializationException'],
           ['/ListVectorBuckets', '{"prefix":"\\ud800"}', 400, 'SerializationException'],
           ['/ListVectorBuckets', '{"prefix":1}', 400, 'ValidationException'],
  ]) {
    const answer = await post(path, body);
    assert.equal(answer.status, status, `${path} ${body}`);
    assert.equal(answer.headers.get('x-amzn-errortype'), type);
    assert.equal(typeof (await answer.json()).message, 'string');
  }
  const large =
      await post('/ListVectorBuckets', ' '.repeat(20 * 1024 * 1024) + '{}').catch(() => null);
  assert.ok(large === null || large.status === 413);
  assert.equal(
      (await post('/ListVectorBuckets', ' '.repeat(20 * 1024 * 1024 - 2) + '{}')).status, 200);
  assert.equal(await open.stop(), 0);
});

test('everything survives kill -9', async () => {
  const database = `sqlite://?dsn=${folder()}/vectors.db`;
  const names = {vectorBucketName: 'durable', indexName: 'index'};
  let durable = await serve([database]);
  let own = client(durable);
  await sender(own)('CreateVectorBucket', {vectorBucketName: 'durable', tags: {a: 'b'}});
  await sender(own)('PutVectorBucketPolicy', {vectorBucketName: 'durable', policy: '{"a":1}'});
  await sender(own)(
      'CreateIndex', {...names, dataType: 'float32', dimension: 3, distanceMetric: 'cosine'});
  await sender(own)('PutVectors', {...names, vectors: [vector('k', [1, 2, 3], {a: [1, 'b']})]});
  const before = await sender(own)('GetIndex', names);
  await durable.kill();
  own.destroy();
  durable = await serve([database]);
  own = client(durable);
  assert.deepEqual(await sender(own)('GetIndex', names), before);
  assert.deepEqual(
      await sender(own)('ListTagsForResource', {resourceArn: arn('durable')}), {tags: {a: 'b'}});
  assert.deepEqual(
      await sender(own)('GetVectorBucketPolicy', {vectorBucketName: 'durable'}),
      {policy: '{"a":1}'});
  assert.deepEqual(
      (await sender(own)('ListVectors', {...names, returnData: true, returnMetadata: true}))
          .vectors,
      [vector('k', [1, 2, 3], {a: [1, 'b']})],
  );
  const l2 = sender(own)('CreateIndex', {
    vectorBucketName: 'durable',
    indexName: 'plain',
    dataType: 'float32',
    dimension: 3,
    distanceMetric: 'euclidean',
  });
  await invalid(l2, /database-uri of a database with metric=l2/);
  own.destroy();
  assert.equal(await durable.stop(), 0);
});
