-- The read store's functions: the only code that writes it. services/designs/0002-read-store.md has the layout
-- and why it is so. function-library.ts puts the shebang and `local suffix` (a hash of this file) in front.
--
-- User JSON is never decoded here: cjson would turn large integers into doubles and [] into {}. It is
-- concatenated. What cjson does decode is ours and holds strings and booleans only.
--
-- Redis' Lua hashes every byte of every text that it makes or is handed, and every redis.call has a price of its own:
-- so texts are searched rather than cut, and writes are gathered.
--
-- A document is stored as three lines, "<version><digest>\n<json>\n<root bytes> <trailer>"; the projector sees to it
-- that no JSON holds a line break. Of a deleted root only the first line is left, so that no duplicate revives it.
--   version     of the root, decimal; digest is "-" and 16 hex digits of the JSON when parts are shown in it
--   root bytes  of the root's own JSON, with which the document's begins but for its last brace; '' without parts
--   trailer     JSON [[lookup ids], [index, member, index, member, …]]: what the root says about other keys

local first_halt, halt_length, operation_length = 8, 3, 5
local version_digits_max = 20

-- Every query replica gets every message: while a view is built, when nobody waits for one of a hundred, it is short.
local names_published_max, message_bytes_max = 64, 4096

-- Every field is there from the start, because Lua makes a table anew when it grows; a ninth would double it.
-- `version_text` is of a root that this call changes, else false.
local function document_parse(key, raw)
  local tag, version = '0', 0
  if raw then
    tag = string.match(raw, '^[^\n]+')
    version = tonumber(tag) or tonumber(string.match(tag, '^%d+'))
  end
  return {
    key = key, raw = raw, tag = tag, version = version, version_text = false,
    touched = false, root = false, trailer = false,
  }
end

-- Where the stored JSON begins and ends; nothing when there is no root.
local function json_bounds(document)
  local raw, first = document.raw, #document.tag + 2
  local line_end = raw and string.find(raw, '\n', first, true)
  if line_end then return first, line_end - 1 end
end

-- The stored JSON, root and trailer; nil and '' when there is no root.
local function document_content(document)
  local raw, first, last = document.raw, json_bounds(document)
  if not first then return nil, nil, '' end
  local json = string.sub(raw, first, last)
  local _, space, root_bytes = string.find(raw, '^(%d*) ', last + 2)
  local root = root_bytes == '' and json or string.sub(json, 1, tonumber(root_bytes) - 1) .. '}'
  return json, root, string.sub(raw, space + 1)
end

local function stored_trailer(document)
  local _, last = json_bounds(document)
  if not last then return '' end
  return string.sub(document.raw, string.find(document.raw, ' ', last + 2, true) + 1)
end

-- Most changes leave a document where it is in its indexes: seen without cutting the stored one apart.
local function has_trailer(document, trailer)
  local raw, length = document.raw, #trailer
  if not raw or string.byte(raw, -length - 1) ~= 32 then return false end
  return length == 0 or string.find(raw, trailer, -length, true) ~= nil
end

local function versioned_parse(raw)
  if not raw then return 0, '' end
  local _, version_end, version = string.find(raw, '^(%d+) ')
  return tonumber(version), string.sub(raw, version_end + 1), version
end

-- Lua's own `<` on strings asks the server's locale.
local function bytes_before(left, right)
  for i = 1, math.min(#left, #right) do
    local a, b = string.byte(left, i), string.byte(right, i)
    if a ~= b then return a < b end
  end
  return #left < #right
end

local function join_members(object, members)
  if #members == 0 then return object end
  local open = string.sub(object, 1, -2)
  return open .. (open == '{' and '' or ',') .. table.concat(members, ',') .. '}'
end

-- positions --------------------------------------------------------------------------------------------------

local function view_prefix(positions)
  return string.sub(positions, 1, -#'positions' - 1)
end

local function position_parse(raw)
  if not raw then return '', '', '' end
  return string.match(raw, '^(%S+) (%d*) (%d*)$')
end

-- Offsets are compared as text, because a double does not count as far as Kafka does.
local function offset_before(left, right)
  if #left ~= #right then return #left < #right end
  return bytes_before(left, right)
end

-- What is known by the offsets of a topic that is not there any more: positions, leases, what halted, dead letters.
-- Documents stay, and their versions drop what they have seen.
local function forget_topic(positions, topic, args)
  local prefix = view_prefix(positions)
  for _, name in ipairs(redis.call('HKEYS', positions)) do
    if string.match(name, '^(.*):%d+$') == topic then
      redis.call('HDEL', positions, name)
      redis.call('HDEL', prefix .. 'halted', name)
      redis.call('DEL', prefix .. 'halted:' .. name)
      redis.call('SREM', prefix .. 'caught-up', name)
    end
  end
  for place = 4, #args do redis.call('DEL', prefix .. 'skipped:' .. args[place]) end
end

-- KEYS positions; ARGV topic-partition, lease, Kafka's id of the topic ('' when it is not known), the numbers of the
-- sources that read it. Whoever acquired last holds the partition, and looks anew whether something halts it. An offset
-- means something only in the topic that it was given in: with another id every partition of the topic begins anew, and
-- whoever held one is fenced off. A store without an id is of an earlier release, and takes the one there is.
-- Returns {offset, lsn, {halted key, its "<offset> <error>", …}}
local function acquire(keys, args)
  local prefix, topic, id = view_prefix(keys[1]), string.match(args[1], '^(.*):%d+$'), args[3]
  if redis.call('EXISTS', prefix .. 'removing') == 1 then
    return redis.error_reply('ERR the keys of this build are being removed; it begins anew when they are gone')
  end
  local known = redis.call('HGET', prefix .. 'topics', topic)
  if id ~= '' and known ~= id then
    if known then forget_topic(keys[1], topic, args) end
    redis.call('HSET', prefix .. 'topics', topic, id)
  end
  local _, offset, lsn = position_parse(redis.call('HGET', keys[1], args[1]))
  redis.call('HSET', keys[1], args[1], args[2] .. ' ' .. offset .. ' ' .. lsn)
  redis.call('HDEL', prefix .. 'halted', args[1])
  return { offset, lsn, redis.call('HGETALL', prefix .. 'halted:' .. args[1]) }
end

-- KEYS positions; ARGV topic-partition, lease, why. Notes that a whole partition stands still, for `retry` to see.
local function halt(keys, args)
  if position_parse(redis.call('HGET', keys[1], args[1])) ~= args[2] then return { 'FENCED' } end
  redis.call('HSET', view_prefix(keys[1]) .. 'halted', args[1], args[3])
  return { 'HALTED' }
end

local function halted_keys(halted, only)
  if not only then return redis.call('HGETALL', halted) end
  local value = redis.call('HGET', halted, only)
  return value and { only, value } or {}
end

-- KEYS positions; ARGV topic-partition, lease, and a key when only that one is meant. Lets go of what is halted and
-- sets the position back to the first event that was. The new lease tells the projector, whose own is over.
-- Returns {offset before, offset after, why the partition was halted or '', {key, its "<offset> <error>", …}}
local function retry(keys, args)
  local prefix, name, only = view_prefix(keys[1]), args[1], args[3]
  local _, before, lsn = position_parse(redis.call('HGET', keys[1], name))
  local halted = prefix .. 'halted:' .. name
  local found, after = halted_keys(halted, only), before
  local partition = not only and redis.call('HGET', prefix .. 'halted', name) or ''
  if #found == 0 and partition == '' then return { before, after, '', {} } end
  for i = 1, #found, 2 do
    local offset = string.match(found[i + 1], '^%d+')
    if offset_before(offset, after) then after = offset end
    redis.call('HDEL', halted, found[i])
  end
  if partition ~= '' then redis.call('HDEL', prefix .. 'halted', name) end
  redis.call('HSET', keys[1], name, args[2] .. ' ' .. after .. ' ' .. lsn)
  return { before, after, partition, found }
end

-- KEYS positions; ARGV topic-partition, lease, the offset that the caller knows of ('' when none), then topic and number
-- of partitions ('0' of a missing one) for each topic of the view. Notes that the view has come to where the partition
-- ended when it was assigned. Once this holds for every partition, the view is built: readers may take what is not
-- there for nothing. The mark lies beside the documents, so whatever loses those loses it too.
-- Returns {'FENCED'} | {'GAP', stored offset} | {'BUILDING'} | {'BUILT'}
local function caught_up(keys, args)
  local prefix = view_prefix(keys[1])
  local lease, offset = position_parse(redis.call('HGET', keys[1], args[1]))
  if lease ~= args[2] then return { 'FENCED' } end
  if offset_before(offset, args[3]) then return { 'GAP', offset } end
  if redis.call('EXISTS', prefix .. 'built') == 1 then return { 'BUILT' } end
  redis.call('SADD', prefix .. 'caught-up', args[1])
  for i = 4, #args, 2 do
    local partitions = tonumber(args[i + 1])
    if partitions == 0 then return { 'BUILDING' } end
    for number = 0, partitions - 1 do
      local name = args[i] .. ':' .. string.format('%d', number)
      if redis.call('SISMEMBER', prefix .. 'caught-up', name) == 0 then return { 'BUILDING' } end
    end
  end
  redis.call('SET', prefix .. 'built', '1')
  return { 'BUILT' }
end

-- apply, first half: read and judge. Nothing is written before every operation has passed. ---------------------

local function changed_document(changes, id)
  local document = changes.documents[id]
  if not document then
    local key = changes.prefix .. 'doc:' .. id
    document = document_parse(key, redis.call('GET', key))
    changes.documents[id] = document
  end
  return document
end

local function touch(changes, id, document)
  if not document.touched then
    document.touched = true
    changes.touched[#changes.touched + 1] = id
  end
end

-- One MGET instead of a GET for each root.
local function fetch_roots(changes, args, first_operation)
  local ids, keys, prefix = {}, {}, changes.prefix .. 'doc:'
  for first = first_operation, #args, operation_length do
    if changes.sources[args[first]].role == 'root' then
      ids[#ids + 1] = args[first + 1]
      keys[#keys + 1] = prefix .. args[first + 1]
    end
  end
  if #keys == 0 then return end
  local raws = redis.call('MGET', unpack(keys))
  for i, id in ipairs(ids) do
    changes.documents[id] = changes.documents[id] or document_parse(keys[i], raws[i])
  end
end

local function changed_part(changes, source, id)
  local field = source.number .. ' ' .. id
  local part = changes.refs[field]
  if not part then
    part = { key = changes.prefix .. 'ref:' .. source.number, id = id }
    part.version, part.document = versioned_parse(redis.call('HGET', part.key, id))
    changes.refs[field] = part
  end
  return part, field
end

local function changed_lookup(changes, source, id)
  local field = source.number .. ' ' .. id
  local lookup = changes.lookups[field]
  if not lookup then
    lookup = { key = changes.prefix .. 'lookup:' .. source.number, id = id }
    lookup.version = versioned_parse(redis.call('HGET', lookup.key, id))
    changes.lookups[field] = lookup
  end
  return lookup
end

-- Up to which version an aggregate's events are among the dead letters, from which on where its topic may have dropped
-- others before, and where the last of them stood. No id has a space in it.
local function read_skipped(key, id)
  local found = redis.call('HMGET', key, id, 'from ' .. id)
  local version, offset = string.match(found[1] or '0 ', '^(%d+) (%d*)$')
  return version, found[2] or '', offset
end

local function skipped_events(changes, source, id)
  local field = source.number .. ' ' .. id
  local skipped = changes.skipped[field]
  if not skipped then
    skipped = { key = changes.prefix .. 'skipped:' .. source.number, id = id, changed = false }
    local version, from, offset = read_skipped(skipped.key, id)
    skipped.version, skipped.from, skipped.offset = tonumber(version), from, offset
    changes.skipped[field] = skipped
  end
  return skipped
end

local function judge(changes, source, id, known, version)
  if version <= known then return 'duplicate' end
  if not source.gapless or version == known + 1 then return 'next' end
  return version <= skipped_events(changes, source, id).version + 1 and 'next' or 'gap'
end

-- Each takes the operation's id, version as text, JSON and detail, and returns a verdict and the known version.
local judge_operation = {}

function judge_operation.root(changes, source, id, version_text, json, detail)
  local document, version = changed_document(changes, id), tonumber(version_text)
  local verdict = judge(changes, source, id, document.version, version)
  if verdict ~= 'next' then return verdict, document.version end
  touch(changes, id, document)
  document.version, document.version_text = version, version_text
  document.root, document.trailer = json ~= '' and json, detail
  return verdict
end

function judge_operation.part(changes, source, id, version_text, json, detail)
  local part, field = changed_part(changes, source, id)
  local version = tonumber(version_text)
  local verdict = judge(changes, source, id, part.version, version)
  if verdict ~= 'next' then return verdict, part.version end
  local target = json ~= '' and detail or ''
  if part.document ~= '' and part.document ~= target then
    touch(changes, part.document, changed_document(changes, part.document))
    changes.parts[#changes.parts + 1] = { document = part.document, field = field }
  end
  if target ~= '' then
    touch(changes, target, changed_document(changes, target))
    changes.parts[#changes.parts + 1] = { document = target, field = field, json = json }
  end
  part.version, part.version_text, part.document = version, version_text, target
  return verdict
end

function judge_operation.lookup(changes, source, id, version_text, json)
  local lookup, version = changed_lookup(changes, source, id), tonumber(version_text)
  local verdict = judge(changes, source, id, lookup.version, version)
  if verdict ~= 'next' then return verdict, lookup.version end
  lookup.version, lookup.version_text, lookup.json = version, version_text, json
  return verdict
end

local known_version = {}
function known_version.root(changes, _, id) return changed_document(changes, id).version end
function known_version.part(changes, source, id) return changed_part(changes, source, id).version end
function known_version.lookup(changes, source, id) return changed_lookup(changes, source, id).version end

-- An event that went to the dead letters: the next one of its aggregate may follow without it. Its version is '' when
-- the record does not say; it then excuses one that is missing. Its detail is its offset, so that it counts once. Where the
-- topic does not keep everything it excuses nothing, and is noted for those who wait for it (`standing`).
function judge_operation.skip(changes, skip, id, version_text, _, offset)
  local source = skip.of
  local known, skipped = known_version[source.role](changes, source, id), skipped_events(changes, source, id)
  local reached = math.max(known, skipped.version)
  local version = version_text == '' and reached + 1 or tonumber(version_text)
  local counted = not offset_before(skipped.offset, offset)
  if counted or version <= reached or (version_text == '' and not source.gapless) then return 'skipped', known end
  if source.gapless then
    if version > reached + 1 then return 'gap', known end
  elseif skipped.from == '' or version > skipped.version + 1 then
    skipped.from = version_text
  end
  skipped.version, skipped.offset, skipped.changed = version, offset, true
  return 'skipped', known
end

-- apply, second half: write. What is written last is what says that an event was applied, so that a write which Redis
-- refuses in between (a key that something else has made) leaves the event to be applied again. ---------------

-- Lua gives a call no more arguments than fit its stack. Even, because some come in pairs.
local fields_max = 1000

local function part_jsons(parts_key, fields)
  local jsons = {}
  for first = 1, #fields, fields_max do
    local last = math.min(first + fields_max - 1, #fields)
    for _, json in ipairs(redis.call('HMGET', parts_key, unpack(fields, first, last))) do
      jsons[#jsons + 1] = json
    end
  end
  return jsons
end

-- `order:` keeps the fields of `parts:` ("<source> <part id>") sorted by their bytes: sorting thousands of them here,
-- at each change of one, took Redis tens of milliseconds. Of a source that shows one part the first is shown.
local function part_members(view, prefix, id)
  local members = {}
  for _, source in ipairs(view.sources) do
    if source.role == 'part' then
      local from, to = '[' .. source.number .. ' ', '(' .. source.number .. '!'
      local bound = source.many and -1 or 1
      local fields = redis.call('ZRANGE', prefix .. 'order:' .. id, from, to, 'BYLEX', 'LIMIT', 0, bound)
      local jsons = part_jsons(prefix .. 'parts:' .. id, fields)
      local shown = source.many and '[' .. table.concat(jsons, ',') .. ']' or jsons[1] or 'null'
      members[#members + 1] = source.as .. ':' .. shown
    end
  end
  return members
end

local function index_members(trailer)
  if trailer == '' then return {} end
  return cjson.decode(trailer)[2]
end

local function move_in_indexes(prefix, document, trailer)
  if has_trailer(document, trailer) then return end
  local before, after, kept = index_members(stored_trailer(document)), index_members(trailer), {}
  for i = 1, #after, 2 do
    kept[after[i]] = after[i + 1]
    redis.call('ZADD', prefix .. 'index:' .. after[i], 0, after[i + 1])
  end
  for i = 1, #before, 2 do
    if kept[before[i]] ~= before[i + 1] then
      redis.call('ZREM', prefix .. 'index:' .. before[i], before[i + 1])
    end
  end
end

-- What `doc:<id>` is to hold; nil when it stays as it is.
local function finished_document(changes, id)
  local document = changes.documents[id]
  local version_text, root, trailer = document.version_text, document.root, document.trailer
  if version_text then
    move_in_indexes(changes.prefix, document, trailer)
  else
    local _, stored_root, stored = document_content(document)
    version_text, root, trailer = string.match(document.tag, '^%d+'), stored_root, stored
    -- Parts of a root that is not there wait for it.
    if not root then return nil end
  end
  if not root then return version_text .. '\n' end
  if not changes.view.has_parts then return version_text .. '\n' .. root .. '\n ' .. trailer end
  local json = join_members(root, part_members(changes.view, changes.prefix, id))
  local digest = '-' .. string.sub(redis.sha1hex(json), 1, 16)
  return version_text .. digest .. '\n' .. json .. '\n' .. #root .. ' ' .. trailer
end

-- Documents of thousands of parts are large, and what is gathered exists twice.
local gathered_bytes_max = 1024 * 1024

local function write_documents(changes)
  local gathered, bytes = {}, 0
  for place, id in ipairs(changes.touched) do
    local finished = finished_document(changes, id)
    if finished then
      gathered[#gathered + 1] = changes.documents[id].key
      gathered[#gathered + 1] = finished
      bytes = bytes + #finished
    end
    local is_full = #gathered >= fields_max or bytes >= gathered_bytes_max
    if #gathered > 0 and (is_full or place == #changes.touched) then
      redis.call('MSET', unpack(gathered))
      gathered, bytes = {}, 0
    end
  end
end

-- Of a part or a lookup: what its hash is to hold under its id, gathered for one HSET of each hash.
local function add_field(fields_by_key, of, content)
  local fields = fields_by_key[of.key]
  if not fields then
    fields = {}
    fields_by_key[of.key] = fields
  end
  fields[#fields + 1] = of.id
  fields[#fields + 1] = of.version_text .. ' ' .. content
end

local function write(changes)
  for _, part in ipairs(changes.parts) do
    local key, order = changes.prefix .. 'parts:' .. part.document, changes.prefix .. 'order:' .. part.document
    if part.json then
      redis.call('HSET', key, part.field, part.json)
      redis.call('ZADD', order, 0, part.field)
    else
      redis.call('HDEL', key, part.field)
      redis.call('ZREM', order, part.field)
    end
  end
  write_documents(changes)
  local fields_by_key = {}
  for _, part in pairs(changes.refs) do
    if part.version_text then add_field(fields_by_key, part, part.document) end
  end
  for _, lookup in pairs(changes.lookups) do
    if lookup.version_text then add_field(fields_by_key, lookup, lookup.json) end
  end
  for key, fields in pairs(fields_by_key) do
    for first = 1, #fields, fields_max do
      redis.call('HSET', key, unpack(fields, first, math.min(first + fields_max - 1, #fields)))
    end
  end
  for _, skipped in pairs(changes.skipped) do
    if skipped.changed then
      redis.call('HSET', skipped.key, skipped.id, string.format('%.0f', skipped.version) .. ' ' .. skipped.offset)
      if skipped.from ~= '' then redis.call('HSET', skipped.key, 'from ' .. skipped.id, skipped.from) end
    end
  end
end

-- Tells who waits or streams which aggregates have another version now, as JSON ["<source> <id>", …]. A document that
-- shows another part counts as its root, whose source is always the first. [] says that there are too many to name.
local function changed_names(changes)
  local names = {}
  for _, id in ipairs(changes.touched) do names[#names + 1] = '1 ' .. id end
  for field, part in pairs(changes.refs) do
    if part.version_text then names[#names + 1] = field end
  end
  for field, lookup in pairs(changes.lookups) do
    if lookup.version_text then names[#names + 1] = field end
  end
  return names
end

local function publish(changes)
  local message = '[]'
  if #changes.touched <= names_published_max then
    local names = changed_names(changes)
    if #names == 0 then return end
    if #names <= names_published_max then message = cjson.encode(names) end
    if #message > message_bytes_max then message = '[]' end
  end
  redis.call('SPUBLISH', changes.prefix .. 'changes', message)
end

-- KEYS positions
-- ARGV topic-partition, lease, previous offset ('' when none), next offset, lsn, view, number of keys to halt,
--      then three per key to halt: key, offset, error; then five per operation:
--      source (its place in the view, from 1; after 'skip ' of an event that is among the dead letters), aggregate id,
--      version, JSON ('' when deleted), detail (of a root its trailer, of a part the id of the document it belongs to
--      or '', of a skipped event its offset)
-- Returns {'APPLIED', taken, duplicates} | {'FENCED'} | {'GAP', stored offset} | {'VERSION_GAP', operation from 1, known version}
local function apply(keys, args)
  local lease, offset = position_parse(redis.call('HGET', keys[1], args[1]))
  if lease ~= args[2] then return { 'FENCED' } end
  if offset ~= args[3] then return { 'GAP', offset } end

  local view = cjson.decode(args[6])
  local sources = {}
  for _, source in ipairs(view.sources) do
    sources[source.number] = source
    sources['skip ' .. source.number] = { role = 'skip', of = source }
  end
  local changes = {
    view = view, sources = sources, prefix = view_prefix(keys[1]),
    documents = {}, touched = {}, refs = {}, lookups = {}, parts = {}, skipped = {},
  }
  local first_operation = first_halt + halt_length * tonumber(args[first_halt - 1])
  fetch_roots(changes, args, first_operation)
  local taken, duplicates = 0, 0
  for first = first_operation, #args, operation_length do
    local source = sources[args[first]]
    local verdict, known = judge_operation[source.role](
      changes, source, args[first + 1], args[first + 2], args[first + 3], args[first + 4])
    if verdict == 'gap' then
      local place = (first - first_operation) / operation_length + 1
      return { 'VERSION_GAP', string.format('%d', place), string.format('%.0f', known) }
    end
    if verdict == 'next' then taken = taken + 1 end
    if verdict == 'duplicate' then duplicates = duplicates + 1 end
  end

  write(changes)
  publish(changes)
  for first = first_halt, first_operation - 1, halt_length do
    local value = args[first + 1] .. ' ' .. args[first + 2]
    redis.call('HSET', changes.prefix .. 'halted:' .. args[1], args[first], value)
  end
  redis.call('HSET', keys[1], args[1], lease .. ' ' .. args[4] .. ' ' .. args[5])
  return { 'APPLIED', tostring(taken), tostring(duplicates) }
end

-- reads ------------------------------------------------------------------------------------------------------

-- Lookups are joined here and not when they change: one customer may be in a million orders.
local function joined(prefix, document, lookups)
  local etag = document.tag
  local json, _, trailer = document_content(document)
  if not json or #lookups == 0 then return etag, json end
  local ids, members = cjson.decode(trailer)[1], {}
  for i, lookup in ipairs(lookups) do
    local raw = ids[i] ~= '' and redis.call('HGET', prefix .. 'lookup:' .. lookup.number, ids[i])
    local _, joined_json, version = versioned_parse(raw)
    members[i] = lookup.as .. ':' .. (joined_json ~= '' and joined_json or 'null')
    etag = etag .. '.' .. (version or '0')
  end
  return etag, join_members(json, members)
end

-- KEYS documents of one view and the mark that it is built; ARGV lookups. Returns per document {etag, json}, or false
-- when there is none, and at the end whether the view is built.
local function read(keys, args)
  local lookups = cjson.decode(args[1])
  local answers = { [#keys] = redis.call('GET', keys[#keys]) }
  for i = 1, #keys - 1 do
    local key = keys[i]
    local raw = redis.call('GET', key)
    local etag, json
    if raw then etag, json = joined(string.match(key, '^%b{}:'), document_parse(key, raw), lookups) end
    answers[i] = json and { etag, json } or false
  end
  return answers
end

-- KEYS index; ARGV lookups, start (as ZRANGE … BYLEX wants it), most documents, most bytes.
-- Returns {documents' JSON joined by commas, the last member given when there are more, else '', '1' when the view is built}
local function list(keys, args)
  local lookups, limit, bytes_max = cjson.decode(args[1]), tonumber(args[3]), tonumber(args[4])
  local prefix = string.match(keys[1], '^%b{}:')
  local members = redis.call('ZRANGE', keys[1], args[2], '+', 'BYLEX', 'LIMIT', 0, limit + 1)
  local items, bytes, given = {}, 0, 0
  while given < math.min(limit, #members) and (given == 0 or bytes < bytes_max) do
    given = given + 1
    local id = string.match(members[given], '%z([^%z]*)$')
    local _, json = joined(prefix, document_parse('', redis.call('GET', prefix .. 'doc:' .. id)), lookups)
    items[given] = json
    bytes = bytes + #json
  end
  local last = given < #members and members[given] or ''
  return { table.concat(items, ','), last, redis.call('GET', prefix .. 'built') }
end

-- KEYS positions; ARGV source, its role and aggregate id, and so on. Returns the version of each that the view has
-- applied, '0' when it has seen none.
local function versions(keys, args)
  local prefix, answers = view_prefix(keys[1]), {}
  for first = 1, #args, 3 do
    local number, role, id = args[first], args[first + 1], args[first + 2]
    local raw
    if role == 'root' then
      -- Not the whole document: its first line begins with the version.
      raw = redis.call('GETRANGE', prefix .. 'doc:' .. id, 0, version_digits_max)
    else
      raw = redis.call('HGET', prefix .. (role == 'part' and 'ref:' or 'lookup:') .. number, id)
    end
    answers[#answers + 1] = string.match(raw or '', '^%d+') or '0'
  end
  return answers
end

-- KEYS positions; ARGV topic, source, aggregate id, and so on, of aggregates that lack a version. Returns of each what
-- keeps it from coming: {'KEY', topic-partition, offset} of a halted key; {'SKIPPED', version up to which events are
-- dead letters, version from which on or ''}; {'PARTITION', topic-partition} when one of the topic's stands still, which may be another one than the
-- aggregate's: Lua does not know where Kafka puts a key; {} of none of these.
local function standing(keys, args)
  local prefix, answers = view_prefix(keys[1]), {}
  local names, halted = redis.call('HKEYS', keys[1]), prefix .. 'halted'
  for first = 1, #args, 3 do
    local topic, number, id = args[first], args[first + 1], args[first + 2]
    local answer = {}
    for _, name in ipairs(names) do
      if answer[1] ~= 'KEY' and string.match(name, '^(.*):%d+$') == topic then
        local value = redis.call('HGET', halted .. ':' .. name, id)
        if value then
          answer = { 'KEY', name, string.match(value, '^%d+') }
        elseif redis.call('HEXISTS', halted, name) == 1 then
          answer = { 'PARTITION', name }
        end
      end
    end
    local version, from = read_skipped(prefix .. 'skipped:' .. number, id)
    if version ~= '0' and answer[1] ~= 'KEY' then answer = { 'SKIPPED', version, from } end
    answers[#answers + 1] = answer
  end
  return answers
end

redis.register_function('cqrs_acquire_' .. suffix, acquire)
-- Of a build that nobody keeps up or reads. Without positions every lease is over, and the mark lets nobody acquire
-- another: so from here on no key is made, and a SCAN finds all there are.
-- KEYS positions
local function condemn(keys)
  redis.call('SET', view_prefix(keys[1]) .. 'removing', '1')
  redis.call('DEL', keys[1])
  return 'OK'
end

-- KEYS positions, then those to remove. Another process may have removed the last of them meanwhile, taken the mark
-- away, and begun to build anew: then nothing is touched. Returns whether the mark is there.
local function remove(keys)
  if redis.call('EXISTS', view_prefix(keys[1]) .. 'removing') == 0 then return 0 end
  redis.call('UNLINK', unpack(keys, 2))
  return 1
end

redis.register_function('cqrs_condemn_' .. suffix, condemn)
redis.register_function('cqrs_remove_' .. suffix, remove)
redis.register_function('cqrs_halt_' .. suffix, halt)
redis.register_function('cqrs_retry_' .. suffix, retry)
redis.register_function('cqrs_caught_up_' .. suffix, caught_up)
redis.register_function('cqrs_apply_' .. suffix, apply)
redis.register_function{ function_name = 'cqrs_read_' .. suffix, callback = read, flags = { 'no-writes' } }
redis.register_function{ function_name = 'cqrs_list_' .. suffix, callback = list, flags = { 'no-writes' } }
redis.register_function{ function_name = 'cqrs_versions_' .. suffix, callback = versions, flags = { 'no-writes' } }
redis.register_function{ function_name = 'cqrs_standing_' .. suffix, callback = standing, flags = { 'no-writes' } }
