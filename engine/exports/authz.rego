package portward.authz

import rego.v1

# Decides what Portward's own agent decides, from the same release: forbid wins, nothing
# is allowed that no policy permits, and any error denies. The input is an AuthZEN
# evaluation request, the answer an AuthZEN evaluation response.
#
# Values of tests: "t", "f", "e" (an error), "u" (not known here, and no error).

decider := data.portward.decider

default allow := false

allow if decision.decision == true

default decision := {"decision": false, "context": {"reason": "evaluation_error"}}

decision := refused("invalid_request") if {
	not is_valid
} else := refused("no_matching_policy") if {
	input.subject.type == "Role"
} else := refused("evaluation_error") if {
	not is_readable
} else := whole if {
	whole.decision == false
} else := whole if {
	count(separations) == 0
} else := rest if {
	rest.decision == true
} else := {"decision": false, "context": {"reason": "separation_of_duties", "separations": separations}} if {
	rest.decision == false
}

refused(reason) := {"decision": false, "context": {"reason": reason}}

# The answer with all roles that are held, and with those that no separation keeps back.
whole := answer(everything)

rest := answer(above(usable_2(subject, places, {subject})))

everything := above(counting_2(subject, places, {subject}))

separations := sort(broken_2(subject, places, {subject}))

answer(roles) := answered(verdicts(roles))

answered(found) := denied if {
	count(found.forbids) > 0
	denied := with_duties(said(false, "forbidden", found.forbids), asked_for(found.forbids))
} else := denied if {
	count(found.errors) > 0
	denied := with_duties(said(false, "evaluation_error", found.permits), asked_for(found.permits))
} else := judged if {
	count(found.permits) > 0
	judged := obliged(said(true, "permitted", found.permits), asked_for(found.permits))
} else := refused("no_matching_policy") if {
	count(found.permits) == 0
}

said(allowed, reason, numbers) := {"decision": allowed, "context": context} if {
	determining := sort({decider.statements[n].policy | some n in numbers})
	context := {"reason": reason, "determining": determining}
}

# --- Obligations: what has to be done besides, or first ----------------------------------

asked_for(numbers) := [obligation |
	some pair in sort({[statement.policy, statement.record] | some n in numbers; statement := decider.statements[n]})
	some obligation in object.get(decider.obligations, pair[1], [])
]

# What is not proven turns a permit down; so does a duty that the asker cannot carry out.
obliged(answer_, asked) := denied if {
	steps := unmet(asked)
	count(steps) > 0
	reason := reasons_unmet[steps[0].check]
	denied := turned_down(answer_, reason, array.concat(duties_of(steps), possible(asked)))
} else := denied if {
	count(possible(asked)) < count([o | some o in asked; o.check == ""])
	denied := turned_down(answer_, "obligation_unsupported", possible(asked))
} else := with_duties(answer_, asked)

reasons_unmet := {"mfa": "step_up_required", "device_trust": "device_not_trusted", "max_risk": "risk_too_high"}

unmet(asked) := [obligation |
	some check in ["mfa", "device_trust", "max_risk"]
	some obligation in asked
	obligation.check == check
	not is_met(obligation)
]

is_met(obligation) if {
	obligation.check == "mfa"
	is_number(given.mfa)
	given.mfa >= obligation.level
	is_recent(obligation.max_age)
}

is_met(obligation) if {
	obligation.check == "device_trust"
	given.device.trusted == true
}

is_met(obligation) if {
	obligation.check == "max_risk"
	is_number(given.risk)
	given.risk <= obligation.at_most
}

is_recent(most) if most == 0

is_recent(most) if {
	is_number(given.mfa_age)
	given.mfa_age <= most
}

possible(asked) := duties_of([obligation |
	some obligation in asked
	obligation.check == ""
	obligation.duty.type in supported
])

supported := {name | some name in object.get(given, "supported_obligations", [])}

duties_of(asked) := [addressed(obligation.duty) | some obligation in asked]

addressed(duty) := {"id": duty.id, "type": duty.type, "properties": {"subject": whom}} if {
	duty.type == "session_termination"
	whom := {"type": subject[0], "id": subject[1]}
} else := duty

with_duties(answer_, asked) := adding(answer_, possible(asked))

turned_down(answer_, reason, duties) := adding(denied, duties) if {
	context := object.union(answer_.context, {"reason": reason})
	denied := {"decision": false, "context": context}
}

adding(answer_, duties) := answer_ if {
	count(duties) == 0
} else := {"decision": answer_.decision, "context": context} if {
	context := object.union(answer_.context, {"obligations": duties})
}

verdicts(roles) := {"forbids": forbids, "permits": permits, "errors": errors} if {
	asked := groups_of(roles)
	numbers := candidates(roles)
	found := [[n, verdict(n, asked)] | some n in numbers]

	# A statement without a verdict leaves the question without an answer: denied.
	count(found) == count(numbers)
	forbids := {pair[0] | some pair in found; pair[1] == "forbid"}
	permits := {pair[0] | some pair in found; pair[1] == "permit"}
	errors := {pair[0] | some pair in found; pair[1] == "error"}
}

# What is not known makes a forbid match and a permit not.
verdict(n, asked) := "passed" if {
	not is_in_force(decider.statements[n])
} else := found if {
	statement := decider.statements[n]
	found := verdict_of(statement.effect, @DEEPEST@(statement.when, asked))
} else := "error"

verdict_of("permit", "t") := "permit"

verdict_of("permit", "f") := "passed"

verdict_of("permit", "u") := "passed"

verdict_of("permit", "e") := "error"

verdict_of("forbid", "t") := "forbid"

verdict_of("forbid", "u") := "forbid"

verdict_of("forbid", "f") := "passed"

verdict_of("forbid", "e") := "error"

is_in_force(statement) if {
	object.get(statement, "from", -1) <= now_us
	not has_ended(statement)
}

has_ended(statement) if {
	is_number(statement.until)
	statement.until <= now_us
}

# --- The question -----------------------------------------------------------------------

is_valid if {
	is_object(input)
	is_entity(input.subject)
	is_entity(input.resource)
	is_name(input.action.name)
	has_properties(input.subject)
	has_properties(input.resource)
	has_properties(input.action)
	is_object(given)
	count(wrong) == 0
}

is_name(value) if {
	is_string(value)
	value != ""
}

is_entity(value) if {
	is_name(value.type)
	is_name(value.id)
}

has_properties(value) if is_object(properties(value))

properties(value) := {} if {
	object.get(value, "properties", null) == null
} else := value.properties

given := {} if {
	object.get(input, "context", null) == null
} else := input.context

# Cedar reads no question about other names and numbers.
is_readable if {
	is_type(input.subject.type)
	is_type(input.resource.type)
	count({v | some v in array.concat(numbers_in(principal), numbers_in(resource)); not is_long(v)}) == 0
}

is_type(name) if {
	regex.match(`^[_a-zA-Z][_a-zA-Z0-9]*(::[_a-zA-Z][_a-zA-Z0-9]*)*$`, name)
	count({part | some part in split(name, "::"); part in reserved}) == 0
}

reserved := {"true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar"}

numbers_in(attributes) := array.concat(
	[v | some v in attributes; is_number(v)],
	[v | some list in attributes; is_array(list); some v in list; is_number(v)],
)

# Cedar's numbers go further, but beyond these JSON readers disagree (RFC 8785).
is_long(value) if {
	is_number(value)
	floor(value) == value
	abs(value) <= 9007199254740991
}

wrong contains name if {
	some attribute in decider.context
	name := attribute.name
	member(attribute) != null
	not suits(attribute, member(attribute))
}

wrong contains attribute.outer if {
	some attribute in decider.context
	attribute.inner != ""
	object.get(given, attribute.outer, null) != null
	not is_object(given[attribute.outer])
}

wrong contains "ip" if {
	object.get(given, "ip", null) != null
	not address(given.ip)
}

wrong contains "geo" if {
	object.get(given, "geo", null) != null
	not is_position(given.geo)
}

member(attribute) := object.get(given, attribute.outer, null) if {
	attribute.inner == ""
}

member(attribute) := object.get(given, [attribute.outer, attribute.inner], null) if {
	attribute.inner != ""
}

suits(attribute, value) if {
	attribute.type == "string"
	is_string(value)
}

suits(attribute, value) if {
	attribute.type == "bool"
	is_boolean(value)
}

suits(attribute, value) if {
	attribute.type == "long"
	is_long(value)
	value >= object.get(attribute, "least", value)
	value <= object.get(attribute, "most", value)
}

wrong contains "mfa_age" if {
	object.get(given, "mfa_age", null) != null
	not is_age(given.mfa_age)
}

wrong contains "supported_obligations" if {
	object.get(given, "supported_obligations", null) != null
	not is_list_of_names(given.supported_obligations)
}

is_age(value) if {
	is_long(value)
	value >= 0
}

is_list_of_names(value) if {
	is_array(value)
	count({v | some v in value; not is_string(v)}) == 0
}

is_position(value) if {
	is_object(value)
	is_long(value.lat)
	is_long(value.lon)
	abs(value.lat) <= 90000000
	abs(value.lon) <= 180000000
}

# --- What is known ----------------------------------------------------------------------

subject := [input.subject.type, input.subject.id]

place := [input.resource.type, input.resource.id]

# What the release says cannot be overridden by whoever asks.
principal := object.union(said_of(input.subject), released(subject)) if {
	subject != place
} else := both

resource := object.union(said_of(input.resource), released(place)) if {
	subject != place
} else := both

both := object.union(
	object.union(said_of(input.resource), said_of(input.subject)),
	released(subject),
) if {
	subject == place
}

released(entity) := object.get(decider.attributes, entity, {})

said_of(entity) := {name: value |
	some name, value in properties(entity)
	can_be_held(value)
}

can_be_held(value) if is_string(value)

can_be_held(value) if is_boolean(value)

can_be_held(value) if {
	is_number(value)
	floor(value) == value
}

can_be_held(value) if {
	is_array(value)
	count({v | some v in value; not is_string(v)}) == 0
}

world := {"principal": principal, "resource": resource, "context": circumstances}

circumstances["now"] := (now_us - (now_us % 1000)) / 1000

circumstances["t"] := {zone: local(zone_offset(transitions)) | some zone, transitions in decider.zones}

circumstances[name] := value if {
	some attribute in decider.context
	attribute.inner == ""
	name := attribute.outer
	value := member(attribute)
	value != null
}

circumstances[name] := {inner: value} if {
	some attribute in decider.context
	attribute.inner != ""
	name := attribute.outer
	inner := attribute.inner
	value := member(attribute)
	value != null
}

circumstances["ip"] := address(given.ip)

circumstances["geo"] := {"lat": given.geo.lat, "lon": given.geo.lon} if is_position(given.geo)

# --- Time: from the transitions that the release ships, not from this host's zones ------

now_us := (time.now_ns() - (time.now_ns() % 1000)) / 1000

now_s := (now_us - (now_us % 1000000)) / 1000000

zone_offset(transitions) := transitions[max({0, last_begun(transitions)})][1]

last_begun(transitions) := count([t | some t in transitions; t[0] <= now_s]) - 1

local(offset) := {"wd": ((day + 3) % 7) + 1, "min": quotient(second, 60), "ymd": date(day), "prev": date(day - 1)} if {
	moment := now_s + offset
	second := moment % 86400
	day := quotient(moment, 86400)
}

quotient(a, b) := (a - (a % b)) / b

# The date of a day since 1970-01-01, as a number like 20260131.
date(day) := ((year * 10000) + (month * 100)) + dom if {
	z := day + 719468
	era := quotient(z, 146097)
	doe := z - (era * 146097)
	yoe := quotient(((doe - quotient(doe, 1460)) + quotient(doe, 36524)) - quotient(doe, 146096), 365)
	doy := doe - (((365 * yoe) + quotient(yoe, 4)) - quotient(yoe, 100))
	mp := quotient((5 * doy) + 2, 153)
	dom := (doy - quotient((153 * mp) + 2, 5)) + 1
	month := ((mp + 2) % 12) + 1
	year := ((era * 400) + yoe) + quotient(14 - month, 12)
}

# --- Addresses: one spelling each, IPv4 written as IPv6 is IPv4 -------------------------

address(text) := found if {
	is_string(text)
	found := four(trim_space(text))
} else := found if {
	is_string(text)
	found := unmapped(six(trim_space(text)))
}

four(text) := concat(":", ["4", dotted(text)])

dotted(text) := concat("", [sprintf("%02x", [to_number(part)]) | some part in split(text, ".")]) if {
	regex.match(`^(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}$`, text)
	count({part | some part in split(text, "."); to_number(part) > 255}) == 0
}

unmapped(digits) := concat(":", ["4", substring(digits, 24, 8)]) if {
	startswith(digits, "00000000000000000000ffff")
} else := concat(":", ["6", digits])

six(text) := concat("", groups(text)) if {
	not contains(text, "::")
	count(groups(text)) == 8
	are_groups(groups(text))
}

six(text) := concat("", array.concat(array.concat(left, zeros), right)) if {
	halves := split(text, "::")
	count(halves) == 2
	left := plain_groups(halves[0])
	right := groups(halves[1])
	count(left) + count(right) <= 7
	zeros := ["0000" | some _ in numbers.range(1, 8 - (count(left) + count(right)))]
	are_groups(left)
	are_groups(right)
}

are_groups(list) if count({g | some g in list; not regex.match(`^[0-9a-f]{4}$`, g)}) == 0

# The last group may be an IPv4 address, which is two.
groups(text) := array.concat(plain_groups(substring(text, 0, count(text) - count(tail))), [substring(v4, 0, 4), substring(v4, 4, 4)]) if {
	contains(text, ".")
	tail := regex.find_n(`[0-9.]*$`, text, 1)[0]
	v4 := dotted(tail)
} else := plain_groups(text) if {
	not contains(text, ".")
}

plain_groups("") := []

plain_groups(text) := [padded(group) | some group in split(trim_suffix(text, ":"), ":")] if text != ""

padded(group) := substring(concat("", ["000", lower(group)]), count(group) - 1, 4) if {
	regex.match(`^[0-9a-fA-F]{1,4}$`, group)
} else := "no"

# --- Roles ------------------------------------------------------------------------------

places := {place} | {group | some group in object.get(decider.places, place, [])}

above(grants) := {role |
	some grant in grants
	some role in above_role(grant.role)
}

above_role(role) := object.get(decider.above, role, [role])

grants_of(who) := object.get(decider.grants, who, [])

holds(grant, where) if {
	not starts_later(grant)
	not is_over(grant)
	is_there(grant, where)
}

starts_later(grant) if grant.start > now_us

is_over(grant) if {
	grant.end != null
	now_us >= grant.end
}

is_there(grant, _) if grant.scope == null

is_there(_, where) if where == null

is_there(grant, where) if grant.scope in where

too_many(roles, limit, held) if count({role | some role in roles; role in held}) > limit

is_waived(separation, who) if {
	some waiver in separation.waivers
	waiver.who == who
	now_us < waiver.until
}

broken(who, here, anywhere) := {separation.id |
	some separation in decider.separations
	held := {"static": anywhere, "dynamic": here}[separation.kind]
	too_many(separation.roles, separation.limit, held)
	not is_waived(separation, who)
}

kept_apart(names) := {role |
	some separation in decider.separations
	separation.id in names
	some role in separation.roles
}

without(grants, apart) := [grant |
	some grant in grants
	count(apart & {role | some role in above_role(grant.role)}) == 0
]
@HOLDINGS@
# --- Statements -------------------------------------------------------------------------

candidates(roles) := {n |
	some p in heads(decider.heads.principal, subject, {["Role", role] | some role in roles} | {subject})
	some r in heads(decider.heads.resource, place, places)
	pair := object.get(decider.pairs, [p, r], {})
	some n in array.concat(object.get(pair, "any", []), object.get(pair, ["of", input.action.name], []))
}

heads(index, entity, ancestors) := ((anything | exactly) | kind) | (below | kind_below) if {
	anything := {n | some n in object.get(index, "any", [])}
	exactly := {n | some n in object.get(index, ["eq", entity[0], entity[1]], [])}
	kind := {n | some n in object.get(index, ["is", entity[0]], [])}
	below := {n |
		some ancestor in ancestors
		some n in object.get(index, ["in", ancestor[0], ancestor[1]], [])
	}
	kind_below := {n |
		some ancestor in ancestors
		some n in object.get(index, ["is_in", entity[0], ancestor[0], ancestor[1]], [])
	}
}

# One entity may be principal and resource at once. It then lies in what both lie in.
groups_of(roles) := {"principal": of_principal, "resource": of_resource, "action": of_action} if {
	held := {["Role", role] | some role in roles} | {subject}
	seen := {group | some group in places; place in held}
	lent := {group | some group in held; subject in places}
	of_principal := held | seen
	of_resource := places | lent
	of_action := {["Action", input.action.name]}
}

first(found, other) := found[0] if {
	count(found) > 0
} else := other

unknown_or(found, other) := "u" if {
	"u" in found
} else := other

# The first part that decides does; a part without a value is an error.
all_of(found, parts) := first([v | some v in found; v in {"f", "e"}], unknown_or(found, "t")) if {
	count(found) == count(parts)
} else := "e"

any_of(found, parts) := first([v | some v in found; v in {"t", "e"}], unknown_or(found, "f")) if {
	count(found) == count(parts)
} else := "e"

joined("all", found, parts) := all_of(found, parts)

joined("any", found, parts) := any_of(found, parts)

negated := {"t": "f", "f": "t", "e": "e", "u": "u"}

chosen("t", a, _) := a

chosen("f", _, b) := b

chosen("e", _, _) := "e"

chosen("u", a, b) := a if {
	a == b
} else := "e" if {
	"e" in {a, b}
} else := "u"
@LEVELS@
said_as(truth) := {true: "t", false: "f"}[truth]

# An error of any function leaves a test without a value, and that is an error.
test(n, asked) := n.is if {
	n.op == "const"
} else := "u" if {
	n.op == "fence"
	circumstances.geo
} else := found if {
	n.op == "has"
	found := said_as(has_member(record_at(n.path), n.name))
} else := found if {
	n.op == "=="
	found := said_as((valued(n.left) == valued(n.right)))
} else := found if {
	n.op == "!="
	found := said_as((valued(n.left) != valued(n.right)))
} else := found if {
	n.op in {"<", "<=", ">", ">="}
	found := compared(n.op, whole_number(valued(n.left)), whole_number(valued(n.right)))
} else := found if {
	n.op == "contains"
	wanted := valued(n.right)
	found := said_as((wanted in set_of(valued(n.left))))
} else := found if {
	n.op == "containsAll"
	found := said_as((count(set_of(valued(n.right)) - set_of(valued(n.left))) == 0))
} else := found if {
	n.op == "containsAny"
	found := said_as((count(set_of(valued(n.right)) & set_of(valued(n.left))) > 0))
} else := found if {
	n.op == "empty"
	found := said_as((count(set_of(valued(n.left))) == 0))
} else := found if {
	n.op == "true"
	found := said_as(valued(n.left))
} else := found if {
	n.op == "like"
	found := said_as(startswith(text_of(valued(n.left)), n.prefix))
} else := found if {
	n.op == "like"
	found := said_as(regex.match(n.regex, text_of(valued(n.left))))
} else := found if {
	n.op == "range"
	found := between(circumstances.ip, n.low, n.high)
} else := found if {
	n.op == "is"
	found := said_as((entity_of(n.left.name)[0] == n.type))
} else := found if {
	n.op == "in"
	found := said_as((count({e | some e in n.of} & asked[n.left.name]) > 0))
} else := "e"

said_as(true) := "t"

said_as(false) := "f"

compared("<", a, b) := said_as((a < b))

compared("<=", a, b) := said_as((a <= b))

compared(">", a, b) := said_as((a > b))

compared(">=", a, b) := said_as((a >= b))

between(found, low, high) := "t" if {
	found >= low
	found <= high
} else := "f" if {
	is_string(found)
}

whole_number(found) := found if is_number(found)

text_of(found) := found if is_string(found)

set_of(found) := found if is_set(found)

record_at(path) := found if {
	found := object.get(world, path, null)
	is_object(found)
}

has_member(record, name) if name in object.keys(record)

has_member(record, name) := false if not name in object.keys(record)

valued(operand) := operand.value if {
	operand.k == "value"
} else := ["entity", operand.value[0], operand.value[1]] if {
	operand.k == "entity"
} else := {value_in_set(item) | some item in operand.of} if {
	operand.k == "set"
} else := ["entity", named[0], named[1]] if {
	operand.k == "var"
	named := entity_of(operand.name)
} else := plain(object.get(world, operand.path, null)) if {
	operand.k == "path"
}

value_in_set(item) := item.value if {
	item.k == "value"
} else := ["entity", item.value[0], item.value[1]]

plain(found) := found if {
	is_string(found)
} else := found if {
	is_boolean(found)
} else := found if {
	is_number(found)
} else := {item | some item in found} if {
	is_array(found)
}

entity_of("principal") := subject

entity_of("resource") := place

entity_of("action") := ["Action", input.action.name]
