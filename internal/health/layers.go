package health

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// LayerResult is what the probe of one layer found.
type LayerResult struct {
	Layer
	Result Result
}

// Combine is what several layers amount to: all that could be run pass, some do, none does; NotRun when none could be run.
func Combine(layers []LayerResult) Result {
	if len(layers) == 1 && layers[0].Name == "" {
		return layers[0].Result
	}
	var bad, missing []string
	passes, fails, final := 0, 0, true
	for _, l := range layers {
		switch l.Result.Outcome {
		case Passed:
			passes++
		case NotRun:
			missing = append(missing, l.Name)
			final = final && l.Result.Final
		default:
			fails++
			bad = append(bad, l.Name+": "+l.Result.Message)
		}
	}
	r := Result{Layers: layers}
	switch {
	case passes+fails == 0:
		r.Outcome, r.Final = NotRun, final
		r.Message = "no layer can be checked: " + layers[0].Result.Message
		return r
	case fails == 0:
		r.Outcome, r.Message = Passed, fmt.Sprintf("all %d layers pass", passes)
	case passes == 0:
		r.Outcome, r.Message = Failed, fmt.Sprintf("no layer passes; %s", strings.Join(bad, "; "))
	default:
		r.Outcome, r.Message = Partly, fmt.Sprintf("%d of %d layers fail; %s", fails, passes+fails, strings.Join(bad, "; "))
	}
	if len(missing) > 0 {
		r.Message += " (not checked: " + strings.Join(missing, ", ") + ")"
	}
	return r
}

// probeLayers runs the probes of all layers at once.
func probeLayers(ctx context.Context, probe func(context.Context, Check, Target, Limits) Result, layers []Layer, t Target, l Limits) Result {
	results := make([]LayerResult, len(layers))
	var all sync.WaitGroup
	for i, layer := range layers {
		all.Go(func() { results[i] = LayerResult{layer, probe(ctx, layer.Check, t, l)} })
	}
	all.Wait()
	return Combine(results)
}
