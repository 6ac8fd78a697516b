// Command cmd walks from spec to spec; `make walk` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/nixmox/nixmox-controller/test/apiserver"
	"github.com/nixmox/nixmox-controller/test/lab"
	"github.com/nixmox/nixmox-controller/test/walk"
)

func main() {
	seed := flag.Uint64("seed", 1, "the first seed")
	n := flag.Uint64("n", 100, "how many walks, of twenty changes each")
	parallel := flag.Int("parallel", 10, "how many worlds live at once")
	verbose := flag.Bool("verbose", false, "print the log of each run that fails")
	flag.Parse()
	ctrllog.SetLogger(logr.Discard()) // of what has no logger of a lab
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	failed, err := run(ctx, *seed, *n, *parallel, *verbose)
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d walks failed", failed)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, first, n uint64, parallel int, verbose bool) (failed int, err error) {
	api, err := apiserver.Start()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	seeds := make(chan uint64)
	var mu sync.Mutex
	total, back := walk.Counts{Ends: map[string]int{}}, 0
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for seed := range seeds {
				var counts walk.Counts
				failures, log := lab.Run(ctx, func(t lab.T) { counts = walk.Run(t, api, seed) })
				mu.Lock()
				total.Add(counts)
				if counts.Back {
					back++
				}
				if len(failures) > 0 {
					failed++
					tell(seed, failures, log, verbose)
				}
				mu.Unlock()
			}
		})
	}
	for i := uint64(0); i < n && ctx.Err() == nil; i++ {
		seeds <- first + i
	}
	close(seeds)
	workers.Wait()
	fmt.Println(total)
	fmt.Printf("total: %d walks, seeds %d to %d, %d of them back at the first container, %d violations, %.0f s\n",
		n, first, first+n-1, back, failed, time.Since(began).Seconds())
	return failed, api.Stop()
}

func tell(seed uint64, failures, log []string, verbose bool) {
	fmt.Printf("seed %d; again with: make walk SEED=%d N=1 FLAGS=-verbose\n", seed, seed)
	for _, f := range failures {
		fmt.Println(" ", f)
	}
	if verbose {
		for _, line := range log {
			fmt.Println("   ", line)
		}
	}
}
