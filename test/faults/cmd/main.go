// Command cmd has every call to Proxmox go wrong in every way; `make faults` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/nixmox/nixmox-controller/test/apiserver"
	"github.com/nixmox/nixmox-controller/test/faults"
	"github.com/nixmox/nixmox-controller/test/lab"
)

func main() {
	only := flag.String("case", "", "only cases whose name contains this")
	every := flag.Int("every", 1, "only every n-th case")
	parallel := flag.Int("parallel", 12, "how many worlds live at once")
	verbose := flag.Bool("verbose", false, "print the controller's log of each run that fails")
	flag.Parse()
	ctrllog.SetLogger(logr.Discard()) // of what has no logger of a lab
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	var cases []faults.Case
	for i, c := range faults.Cases() {
		if strings.Contains(c.String(), *only) && i%*every == 0 {
			cases = append(cases, c)
		}
	}
	failed, err := run(ctx, cases, *parallel, *verbose)
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d cases failed", failed)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// row counts the cases of one call.
type row struct{ cases, notMet, failed int }

func run(ctx context.Context, cases []faults.Case, parallel int, verbose bool) (failed int, err error) {
	api, err := apiserver.Start()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	work := make(chan faults.Case)
	var mu sync.Mutex
	rows := map[string]*row{}
	for _, call := range faults.Calls {
		rows[call.Name] = &row{}
	}
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for c := range work {
				met := 0
				failures, log := lab.Run(ctx, func(t lab.T) { met = faults.Run(t, api, c) })
				mu.Lock()
				r := rows[c.Call.Name]
				r.cases++
				if met == 0 && len(failures) == 0 {
					r.notMet++
				}
				if len(failures) > 0 {
					r.failed++
					failed++
					tell(c, failures, log, verbose)
				}
				mu.Unlock()
			}
		})
	}
	for _, c := range cases {
		work <- c
	}
	close(work)
	workers.Wait()
	notMet := 0
	for _, call := range faults.Calls {
		r := rows[call.Name]
		notMet += r.notMet
		fmt.Printf("%s: %d cases, %d in which the call was not made, %d violations\n", call.Name, r.cases, r.notMet, r.failed)
	}
	fmt.Printf("total: %d cases, %d not met, %d violations, %.0f s\n", len(cases), notMet, failed, time.Since(began).Seconds())
	return failed, api.Stop()
}

func tell(c faults.Case, failures, log []string, verbose bool) {
	fmt.Printf("%s; again with: make faults FLAGS='-verbose -case \"%s\"'\n", c, c)
	for _, f := range failures {
		fmt.Println(" ", f)
	}
	if verbose {
		for _, line := range log {
			fmt.Println("   ", line)
		}
	}
}
