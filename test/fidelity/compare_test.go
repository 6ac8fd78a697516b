package fidelity

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDifferencesAreToldInOneLineEach(t *testing.T) {
	for sentence, test := range map[string]struct {
		want, got string
		lines     []string
	}{
		"nothing differs":              {`{"a":[1,{"b":null}]}`, `{"a":[1,{"b":null}]}`, nil},
		"a value":                      {`{"a":{"b":1}}`, `{"a":{"b":"1"}}`, []string{`a.b: recorded 1, answered "1"`}},
		"a key that is missing":        {`{"a":1,"b":2}`, `{"a":1}`, []string{`b: recorded 2, answered nothing`}},
		"a key too many":               {`{"a":1}`, `{"a":1,"b":null}`, []string{`b: recorded nothing, answered null`}},
		"another kind of value":        {`{"a":[]}`, `{"a":{}}`, []string{`a: recorded [], answered {}`}},
		"one row of many":              {`{"a":[{"n":1},{"n":2},{"n":3}]}`, `{"a":[{"n":1},{"n":3},{"n":4}]}`, []string{`a[1].n: recorded 2, answered 4`}},
		"a row too many":               {`{"a":[1]}`, `{"a":[1,2]}`, []string{`a: recorded 1 rows, answered 2`, `a: answered row that was not recorded: 2`}},
		"a row less":                   {`{"a":[1,1]}`, `{"a":[1]}`, []string{`a: recorded 2 rows, answered 1`, `a: recorded row that was not answered: 1`}},
		"another number of each":       {`{"a":[1,1,2]}`, `{"a":[1,2,2]}`, []string{`a[0]: recorded 1, answered 2`}},
		"an order, where it counts":    {`{"a":[1,2]}`, `{"a":[2,1]}`, []string{`a: the same rows in another order`}},
		"letters that are not English": {`{"a":"ü"}`, `{"a":"u"}`, []string{`a: recorded "\u00fc", answered "u"`}},
	} {
		if diff := cmp.Diff(test.lines, differences("", tree(t, test.want), tree(t, test.got))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", sentence, diff)
		}
	}
}

func tree(t *testing.T, text string) any {
	t.Helper()
	value, err := decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestStepsOfOneSideAloneAreNotEqual(t *testing.T) {
	observed := func(ids ...string) (steps []Observation) {
		for _, id := range ids {
			steps = append(steps, Observation{ID: id, Seen: map[string]any{"status": 200}})
		}
		return steps
	}
	verdicts := Compare(&Recording{Steps: observed("a", "b")}, observed("b", "c"))
	want := []Verdict{{Step: "b"}, {Step: "c", Differences: []string{"not in the recording"}}, {Step: "a", Differences: []string{"recorded, but not run"}}}
	if diff := cmp.Diff(want, verdicts); diff != "" || Count(verdicts) != 1 {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// anyTree draws JSON values as an API answers them.
func anyTree(depth int) *rapid.Generator[any] {
	leaf := rapid.OneOf(rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.IntRange(-3, 3), func(i int) any { return json.Number(fmt.Sprint(i)) }), rapid.Map(rapid.StringN(0, 4, 12), func(s string) any { return s }))
	if depth == 0 {
		return leaf
	}
	inner := rapid.Deferred(func() *rapid.Generator[any] { return anyTree(depth - 1) })
	return rapid.OneOf(leaf,
		rapid.Map(rapid.SliceOfN(inner, 0, 3), func(rows []any) any { return rows }),
		rapid.Map(rapid.MapOfN(rapid.StringN(0, 3, 9), inner, 0, 3), func(m map[string]any) any { return m }))
}

func TestTreesDifferIfAndOnlyIfTheirJSONDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyTree(2).Draw(t, "a"), anyTree(2).Draw(t, "b")
		textA, errA := json.Marshal(a)
		textB, errB := json.Marshal(b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if found := differences("", a, b); (len(found) == 0) != (string(textA) == string(textB)) {
			t.Errorf("%s and %s: %q", textA, textB, found)
		}
	})
}

func TestNumbersAreWrittenInOneWay(t *testing.T) {
	for text, want := range map[string]string{"1": "1", "1.50": "1.5", "1.0": "1.0", "1e3": "1000.0", "-0.1": "-0.1", "100000000000000000000": "100000000000000000000"} {
		if got := canonical(json.Number(text)); got != want {
			t.Errorf("%s is written as %s, want %s", text, got, want)
		}
	}
}
