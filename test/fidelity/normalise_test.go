package fidelity

import (
	"slices"
	"strings"
	"testing"
)

func normal(t *testing.T, n *normaliser, text string) string {
	t.Helper()
	value, err := decode([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return canonical(n.tree(value))
}

func TestWhatMayDifferIsReplaced(t *testing.T) {
	for sentence, pair := range map[string][2]string{
		"the process and times in a UPID": {
			`"UPID:pve1:0000A1B2:00C0FFEE:65F0A1B2:vzcreate:601:root@pam!lab:"`, `"UPID:pve1:00000001:000000001:65F0A1B3:vzcreate:601:root@pam!lab:"`},
		"a UPID inside a text":             {`"task UPID:a:00000001:00000002:00000003:x::u@pve: ends"`, `"task UPID:a:00000004:00000005:00000006:x::u@pve: ends"`},
		"digests":                          {`{"digest":"` + strings.Repeat("a", 40) + `"}`, `{"digest":"` + strings.Repeat("b", 40) + `"}`},
		"the digest among pending changes": {`[{"key":"digest","value":"x"}]`, `[{"key":"digest","value":"y"}]`},
		"generated MACs":                   {`"name=eth0,hwaddr=BC:24:11:01:02:03"`, `"name=eth0,hwaddr=BC:24:11:FF:02:03"`},
		"link-local addresses":             {`"fe80::be24:11ff:fe01:203/64"`, `"fe80::be24:11ff:fe02:203/64"`},
		"lines of Perl":                    {`"died at /usr/share/perl5/PVE/X.pm line 3."`, `"died at /usr/share/perl5/PVE/X.pm line 45."`},
		"when a task began":                {`{"starttime":1,"pid":2}`, `{"starttime":3,"pid":4}`},
		"the memory of what runs":          {`{"status":"running","maxmem":5,"mem":1}`, `{"status":"running","maxmem":5,"mem":2}`},
		"the load of a node":               {`{"type":"node","cpu":0.5}`, `{"type":"node","cpu":0.1}`},
		"the space of a storage":           {`{"total":1,"used":1,"avail":0}`, `{"total":3,"used":1,"avail":2}`},
		"the space of a volume":            {`{"volid":"a:b","used":1}`, `{"volid":"a:b","used":2}`},
		"the size of a template":           {`{"content":"vztmpl","size":1}`, `{"content":"vztmpl","size":2}`},
		"pressure":                         {`{"pressurecpufull":0.1}`, `{"pressurecpufull":0}`},
		"the order of keys":                {`{"a":1,"b":2}`, `{"b":2,"a":1}`},
		"the order of a list":              {`[{"a":1},{"a":2}]`, `[{"a":2},{"a":1}]`},
		"the order of a storage's content": {`{"content":"iso,rootdir"}`, `{"content":"rootdir,iso"}`},
		"the order of faults in a property string": {
			`{"errors":{"net0":"invalid format - format error\nnet0.b: x\n\nnet0.a: y\n"}}`, `{"errors":{"net0":"invalid format - format error\nnet0.a: y\nnet0.b: x\n\n"}}`},
	} {
		n := &normaliser{}
		if a, b := normal(t, n, pair[0]), normal(t, n, pair[1]); a != b {
			t.Errorf("%s count:\n  %s\n  %s", sentence, a, b)
		}
	}
}

func TestEverythingElseCounts(t *testing.T) {
	for sentence, pair := range map[string][2]string{
		"the user of a task":                  {`"UPID:a:00000001:00000002:00000003:x:1:root@pam:"`, `"UPID:a:00000001:00000002:00000003:x:1:root@pam!t:"`},
		"the guest of a task":                 {`"UPID:a:00000001:00000002:00000003:x:1:u@pve:"`, `"UPID:a:00000001:00000002:00000003:x:2:u@pve:"`},
		"a process number that is too short":  {`"UPID:a:0000001:00000002:00000003:x:1:u@pve:"`, `"UPID:a:00000001:00000002:00000003:x:1:u@pve:"`},
		"a digest that is none":               {`{"digest":"short"}`, `{"digest":"` + strings.Repeat("a", 40) + `"}`},
		"the prefix of a MAC":                 {`"BC:24:11:01:02:03"`, `"BC:24:12:01:02:03"`},
		"small letters in a MAC":              {`"BC:24:11:01:02:03"`, `"bc:24:11:01:02:03"`},
		"the MAC of loopback":                 {`"00:00:00:00:00:00"`, `"00:00:00:00:00:01"`},
		"a MAC that the scenario gives":       {`"AA:BB:CC:00:00:01"`, `"AA:BB:CC:00:00:02"`},
		"a number instead of text":            {`{"starttime":1}`, `{"starttime":"1"}`},
		"a time that is null":                 {`{"starttime":null}`, `{"starttime":1}`},
		"a measurement that is missing":       {`{"status":"running","maxmem":5,"mem":1}`, `{"status":"running","maxmem":5}`},
		"the memory of what is stopped":       {`{"status":"stopped","maxmem":5,"mem":0}`, `{"status":"stopped","maxmem":5,"mem":1}`},
		"the memory that a container may use": {`{"status":"running","maxmem":5}`, `{"status":"running","maxmem":6}`},
		"one and true":                        {`1`, `true`},
		"one and one point nought":            {`1`, `1.0`},
		"null and nothing":                    {`{"a":null}`, `{}`},
		"a row twice":                         {`[1,1]`, `[1]`},
		"a line end":                          {`"a\n"`, `"a"`},
		"which message has which fault":       {`{"errors":{"net0":"x","net1":"y"}}`, `{"errors":{"net0":"y","net1":"x"}}`},
		"the head of a property's faults":     {`{"errors":{"a":"invalid format - format error\nb\na\n"}}`, `{"errors":{"a":"invalid format\nformat error\nb\na\n"}}`},
		"the lines of another message":        {`{"errors":{"a":"b\na\n"}}`, `{"errors":{"a":"a\nb\n"}}`},
	} {
		n := &normaliser{named: setOf("AA:BB:CC:00:00:01")}
		if a, b := normal(t, n, pair[0]), normal(t, n, pair[1]); a == b {
			t.Errorf("%s makes no difference: %s", sentence, a)
		}
	}
}

func TestTheOrderOfAListCountsWhereAScenarioSaysSo(t *testing.T) {
	n := &normaliser{ordered: true}
	if normal(t, n, `[2,1]`) == normal(t, n, `[1,2]`) {
		t.Error("it does not")
	}
}

// A recording is compared with normalised answers, so it must be normal itself, whoever wrote it.
func TestRecordingsAreNormal(t *testing.T) {
	scenarios, err := Scenarios(Data())
	if err != nil {
		t.Fatal(err)
	}
	for _, scenario := range scenarios {
		steps := make(map[string]*Step)
		for i, step := range scenario.Steps {
			steps[step.ID] = &scenario.Steps[i]
		}
		for _, seen := range recorded(t, scenario.Name).Steps {
			n := &normaliser{named: scenario.macs, ordered: steps[seen.ID].Ordered}
			if odd := notNormal(n, seen.Seen); odd != nil {
				t.Errorf("%s, step %s: %s", scenario.Name, seen.ID, show(odd))
			}
		}
	}
}

// notNormal finds a text or a list that the normaliser would change.
func notNormal(n *normaliser, value any) any {
	switch typed := value.(type) {
	case string:
		if n.text(typed) != typed {
			return typed
		}
	case []any:
		sorted := slices.Clone(typed)
		sortRows(sorted)
		if !n.ordered && !same(sorted, typed) {
			return typed
		}
		for _, row := range typed {
			if odd := notNormal(n, row); odd != nil {
				return odd
			}
		}
	case map[string]any:
		for _, member := range typed {
			if odd := notNormal(n, member); odd != nil {
				return odd
			}
		}
	}
	return nil
}
