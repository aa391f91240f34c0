-- The read store's functions: the only code that writes it. services/designs/0002-read-store.md has the layout
-- and why it is so. function-library.ts puts the shebang and `local suffix` (a hash of this file) in front.
--
-- User JSON is never decoded here: cjson would turn large integers into doubles and [] into {}. It is
-- concatenated. What cjson does decode is ours and holds strings and booleans only.
--
-- A document is stored as "<version><digest> <root bytes> <json bytes>\n<json><trailer>":
--   version   of the root, decimal; digest is "-" and 16 hex digits of the JSON when parts are shown in it
--   root      the document's first bytes are its root's JSON without the closing brace; 0 once the root is deleted
--   trailer   JSON [[lookup ids], [index, member, index, member, …]]: what the root says about other keys

local operation_length = 5

local function document_parse(raw)
  if not raw then return { version = 0 } end
  local _, header_end, version, digest, root_bytes, json_bytes =
    string.find(raw, '^(%d+)(%S*) (%d+) (%d+)\n')
  local document = { version = tonumber(version), version_text = version, digest = digest }
  root_bytes, json_bytes = tonumber(root_bytes), tonumber(json_bytes)
  if root_bytes > 0 then
    document.root = string.sub(raw, header_end + 1, header_end + root_bytes - 1) .. '}'
    document.json = string.sub(raw, header_end + 1, header_end + json_bytes)
    document.trailer = string.sub(raw, header_end + json_bytes + 1)
    document.stored_trailer = document.trailer
  end
  return document
end

local function versioned_parse(raw)
  if not raw then return 0, '' end
  local _, version_end, version = string.find(raw, '^(%d+) ')
  return tonumber(version), string.sub(raw, version_end + 1), version
end

-- Lua's own `<` on strings asks the server's locale; part ids must have one order everywhere.
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

local function position_parse(raw)
  if not raw then return '', '', '' end
  return string.match(raw, '^(%S+) (%d*) (%d*)$')
end

-- KEYS positions; ARGV topic-partition, lease. Whoever acquired last holds the partition. Returns the position.
local function acquire(keys, args)
  local _, offset, lsn = position_parse(redis.call('HGET', keys[1], args[1]))
  redis.call('HSET', keys[1], args[1], args[2] .. ' ' .. offset .. ' ' .. lsn)
  return { offset, lsn }
end

-- apply, first half: read and judge. Nothing is written before every operation has passed. ---------------------

local function changed_document(changes, id)
  local document = changes.documents[id]
  if not document then
    document = document_parse(redis.call('GET', changes.prefix .. 'doc:' .. id))
    changes.documents[id] = document
  end
  return document
end

local function touch(changes, id)
  local document = changed_document(changes, id)
  if not document.touched then
    document.touched = true
    changes.touched[#changes.touched + 1] = id
  end
  return document
end

local function judge(source, known, version)
  if version <= known then return 'duplicate' end
  if source.gapless and version ~= known + 1 then return 'gap' end
  return 'next'
end

local judge_operation = {}

function judge_operation.root(changes, source, operation)
  local document = changed_document(changes, operation.id)
  local verdict = judge(source, document.version, operation.version)
  if verdict ~= 'next' then return verdict, document.version end
  touch(changes, operation.id)
  document.version, document.version_text = operation.version, operation.version_text
  document.root = operation.json ~= '' and operation.json or nil
  document.trailer = operation.detail
  return verdict
end

function judge_operation.part(changes, source, operation)
  local field = source.number .. ' ' .. operation.id
  local part = changes.refs[field]
  if not part then
    part = { key = changes.prefix .. 'ref:' .. source.number, id = operation.id }
    part.version, part.document = versioned_parse(redis.call('HGET', part.key, operation.id))
    changes.refs[field] = part
  end
  local verdict = judge(source, part.version, operation.version)
  if verdict ~= 'next' then return verdict, part.version end
  local target = operation.json ~= '' and operation.detail or ''
  if part.document ~= '' and part.document ~= target then
    touch(changes, part.document)
    changes.parts[#changes.parts + 1] = { document = part.document, field = field }
  end
  if target ~= '' then
    touch(changes, target)
    changes.parts[#changes.parts + 1] = { document = target, field = field, json = operation.json }
  end
  part.version, part.version_text, part.document = operation.version, operation.version_text, target
  return verdict
end

function judge_operation.lookup(changes, source, operation)
  local field = source.number .. ' ' .. operation.id
  local lookup = changes.lookups[field]
  if not lookup then
    lookup = { key = changes.prefix .. 'lookup:' .. source.number, id = operation.id }
    lookup.version = versioned_parse(redis.call('HGET', lookup.key, operation.id))
    changes.lookups[field] = lookup
  end
  local verdict = judge(source, lookup.version, operation.version)
  if verdict ~= 'next' then return verdict, lookup.version end
  lookup.version, lookup.version_text, lookup.json =
    operation.version, operation.version_text, operation.json
  return verdict
end

-- apply, second half: write. ---------------------------------------------------------------------------------

local function part_members(view, parts_key)
  local flat = redis.call('HGETALL', parts_key)
  local ids, jsons = {}, {}
  for i = 1, #flat, 2 do
    local number, id = string.match(flat[i], '^(%d+) (.*)$')
    ids[number] = ids[number] or {}
    table.insert(ids[number], id)
    jsons[flat[i]] = flat[i + 1]
  end
  local members = {}
  for _, source in ipairs(view.sources) do
    if source.role == 'part' then
      local list = ids[source.number] or {}
      table.sort(list, bytes_before)
      for i, id in ipairs(list) do list[i] = jsons[source.number .. ' ' .. id] end
      local shown = source.many and '[' .. table.concat(list, ',') .. ']' or list[1] or 'null'
      members[#members + 1] = source.as .. ':' .. shown
    end
  end
  return members
end

local function index_members(trailer)
  if not trailer or trailer == '' then return {} end
  return cjson.decode(trailer)[2]
end

local function move_in_indexes(prefix, document)
  if document.trailer == document.stored_trailer then return end
  local before, after = index_members(document.stored_trailer), index_members(document.trailer)
  local kept = {}
  for i = 1, #after, 2 do kept[after[i] .. '\n' .. after[i + 1]] = true end
  for i = 1, #before, 2 do
    if not kept[before[i] .. '\n' .. before[i + 1]] then
      redis.call('ZREM', prefix .. 'index:' .. before[i], before[i + 1])
    end
  end
  for i = 1, #after, 2 do redis.call('ZADD', prefix .. 'index:' .. after[i], 0, after[i + 1]) end
end

local function write_document(changes, id)
  local document = changes.documents[id]
  if document.version == 0 then return end
  local key = changes.prefix .. 'doc:' .. id
  if not document.root then
    redis.call('SET', key, document.version_text .. ' 0 0\n')
  else
    local json, digest = document.root, ''
    if changes.view.has_parts then
      json = join_members(json, part_members(changes.view, changes.prefix .. 'parts:' .. id))
      digest = '-' .. string.sub(redis.sha1hex(json), 1, 16)
    end
    redis.call('SET', key, document.version_text .. digest .. ' ' .. #document.root .. ' ' .. #json ..
      '\n' .. json .. document.trailer)
  end
  move_in_indexes(changes.prefix, document)
end

local function write(changes)
  for _, part in pairs(changes.refs) do
    if part.version_text then
      redis.call('HSET', part.key, part.id, part.version_text .. ' ' .. part.document)
    end
  end
  for _, lookup in pairs(changes.lookups) do
    if lookup.version_text then
      redis.call('HSET', lookup.key, lookup.id, lookup.version_text .. ' ' .. lookup.json)
    end
  end
  for _, part in ipairs(changes.parts) do
    local key = changes.prefix .. 'parts:' .. part.document
    if part.json then
      redis.call('HSET', key, part.field, part.json)
    else
      redis.call('HDEL', key, part.field)
    end
  end
  for _, id in ipairs(changes.touched) do write_document(changes, id) end
end

-- KEYS positions
-- ARGV topic-partition, lease, previous offset ('' when none), next offset, lsn, view, then five per operation:
--      source (its place in the view, from 1), aggregate id, version, JSON ('' when deleted),
--      detail (of a root its trailer, of a part the id of the document it belongs to or '')
-- Returns {'APPLIED', taken, duplicates} | {'FENCED'} | {'GAP', stored offset} | {'VERSION_GAP', operation from 1, known version}
local function apply(keys, args)
  local lease, offset = position_parse(redis.call('HGET', keys[1], args[1]))
  if lease ~= args[2] then return { 'FENCED' } end
  if offset ~= args[3] then return { 'GAP', offset } end

  local view = cjson.decode(args[6])
  local changes = {
    view = view, prefix = string.sub(keys[1], 1, -#'positions' - 1),
    documents = {}, touched = {}, refs = {}, lookups = {}, parts = {},
  }
  local taken, duplicates = 0, 0
  for first = 7, #args, operation_length do
    local source = view.sources[tonumber(args[first])]
    local operation = {
      id = args[first + 1], version = tonumber(args[first + 2]), version_text = args[first + 2],
      json = args[first + 3], detail = args[first + 4],
    }
    local verdict, known = judge_operation[source.role](changes, source, operation)
    if verdict == 'gap' then
      local place = (first - 7) / operation_length + 1
      return { 'VERSION_GAP', string.format('%d', place), string.format('%.0f', known) }
    end
    if verdict == 'next' then taken = taken + 1 else duplicates = duplicates + 1 end
  end

  write(changes)
  redis.call('HSET', keys[1], args[1], lease .. ' ' .. args[4] .. ' ' .. args[5])
  return { 'APPLIED', tostring(taken), tostring(duplicates) }
end

-- reads ------------------------------------------------------------------------------------------------------

-- Lookups are joined here and not when they change: one customer may be in a million orders.
local function joined(prefix, document, lookups)
  local etag = document.version_text .. document.digest
  if #lookups == 0 then return etag, document.json end
  local ids, members = cjson.decode(document.trailer)[1], {}
  for i, lookup in ipairs(lookups) do
    local raw = ids[i] ~= '' and redis.call('HGET', prefix .. 'lookup:' .. lookup.number, ids[i])
    local _, json, version = versioned_parse(raw)
    members[i] = lookup.as .. ':' .. (json ~= '' and json or 'null')
    etag = etag .. '.' .. (version or '0')
  end
  return etag, join_members(document.json, members)
end

-- KEYS documents of one view; ARGV lookups. Returns per key {etag, json}, or false when there is no document.
local function read(keys, args)
  local lookups = cjson.decode(args[1])
  local answers = {}
  for i, key in ipairs(keys) do
    local document = document_parse(redis.call('GET', key))
    if document.root then
      local etag, json = joined(string.match(key, '^%b{}:'), document, lookups)
      answers[i] = { etag, json }
    else
      answers[i] = false
    end
  end
  return answers
end

-- KEYS index; ARGV lookups, start (as ZRANGE … BYLEX wants it), most documents, most bytes.
-- Returns {documents' JSON joined by commas, the last member given when there are more, else ''}
local function list(keys, args)
  local lookups, limit, bytes_max = cjson.decode(args[1]), tonumber(args[3]), tonumber(args[4])
  local prefix = string.match(keys[1], '^%b{}:')
  local members = redis.call('ZRANGE', keys[1], args[2], '+', 'BYLEX', 'LIMIT', 0, limit + 1)
  local items, bytes, given = {}, 0, 0
  while given < math.min(limit, #members) and (given == 0 or bytes < bytes_max) do
    given = given + 1
    local id = string.match(members[given], '%z([^%z]*)$')
    local _, json = joined(prefix, document_parse(redis.call('GET', prefix .. 'doc:' .. id)), lookups)
    items[given] = json
    bytes = bytes + #json
  end
  return { table.concat(items, ','), given < #members and members[given] or '' }
end

redis.register_function('cqrs_acquire_' .. suffix, acquire)
redis.register_function('cqrs_apply_' .. suffix, apply)
redis.register_function{ function_name = 'cqrs_read_' .. suffix, callback = read, flags = { 'no-writes' } }
redis.register_function{ function_name = 'cqrs_list_' .. suffix, callback = list, flags = { 'no-writes' } }
