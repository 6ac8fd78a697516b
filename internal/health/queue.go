package health

import (
	"container/heap"
	"time"
)

// queue holds waiting entries, the next one due first.
type queue struct{ waiting entries }

func (q *queue) push(e *entry) { e.queue = q; heap.Push(&q.waiting, e) }

func (q *queue) remove(e *entry) { heap.Remove(&q.waiting, e.index); e.queue = nil }

// first is the next entry due, nil when nothing waits.
func (q *queue) first() *entry {
	if len(q.waiting) == 0 {
		return nil
	}
	return q.waiting[0]
}

// popDue takes the first entry if it is due.
func (q *queue) popDue(now time.Time) *entry {
	e := q.first()
	if e == nil || e.due.After(now) {
		return nil
	}
	q.remove(e)
	return e
}

// entries is the heap under a queue.
type entries []*entry

func (h entries) Len() int           { return len(h) }
func (h entries) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h entries) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *entries) Push(x any) {
	e := x.(*entry)
	e.index = len(*h)
	*h = append(*h, e)
}

func (h *entries) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
