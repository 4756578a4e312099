package notify

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"xunjian/alerting"
)

// Options are what a Worker is made of.
type Options struct {
	Outbox   Outbox
	Channels []Channel
	Words    *Words
	// Report words the notices that are about no incident; nil: there are none.
	Report func(ctx context.Context, n alerting.Notice) (Message, error)
	// Fallback are the notices by which those hear over other channels whom a
	// notice concerns that a channel does not take; nil: there are none. It is
	// asked once for each, after some attempts.
	Fallback func(ctx context.Context, n alerting.Notice, m Message) []alerting.Notice
	Logger   *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Worker delivers what is due, each channel at its own pace.
type Worker struct {
	opt  Options
	wake chan struct{}

	mu     sync.Mutex
	byName map[string]Channel
	counts map[string]Counts
	health map[string]Health
	// busy are the channels with a round under way; resting, until when, those
	// whose last outcomes could not be recorded.
	busy    map[string]bool
	resting map[string]time.Time
	// unrecorded are outcomes that the outbox does not know of yet, by key. They
	// are at most a round of each channel: until they are recorded the same
	// notices are due.
	unrecorded map[string]record
	// storms are until when the next digest of a recipient waits, by channel and
	// recipient.
	storms map[[2]string]time.Time
}

// record writes down how an attempt went.
type record func(context.Context) error

// Health is how a channel does.
type Health struct {
	// FailingSince is when the first attempt failed since which none arrived;
	// zero if the last one did, or none was made.
	FailingSince time.Time
	// Error is the last attempt's.
	Error string
}

// Health returns how every channel does.
func (w *Worker) Health() map[string]Health {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]Health{}
	for name := range w.byName {
		out[name] = w.health[name]
	}
	return out
}

// tried notes how an attempt on a channel went.
func (w *Worker) tried(channel string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.health[channel]
	switch {
	case err == nil:
		h = Health{}
	case h.FailingSince.IsZero():
		h = Health{FailingSince: w.opt.Now(), Error: why(err)}
	default:
		h.Error = why(err)
	}
	w.health[channel] = h
}

// Counts are a channel's figures since the start.
type Counts struct{ Delivered, Failed, Dead uint64 }

// The rhythm of rounds.
const (
	pollEvery = 30 * time.Second
	perRound  = 2048
)

// NewWorker returns a Worker; Run makes it work.
func NewWorker(opt Options) *Worker {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Worker{
		opt: opt, wake: make(chan struct{}, 1), byName: map[string]Channel{}, counts: map[string]Counts{}, health: map[string]Health{},
		busy: map[string]bool{}, resting: map[string]time.Time{}, unrecorded: map[string]record{}, storms: map[[2]string]time.Time{},
	}
	for _, c := range opt.Channels {
		w.byName[c.Name()] = c
	}
	return w
}

// Revise puts other channels in place of the present ones. A delivery that is
// under way ends on its own; notices of a channel that is gone wait, and are
// given up in time, or go when it is back.
func (w *Worker) Revise(channels []Channel) {
	w.mu.Lock()
	w.byName = map[string]Channel{}
	for _, c := range channels {
		w.byName[c.Name()] = c
	}
	w.mu.Unlock()
	w.Wake()
}

func (w *Worker) channel(name string) Channel {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.byName[name]
}

// Wake tells the Worker that there may be something due.
func (w *Worker) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Counts returns the figures of every channel.
func (w *Worker) Counts() map[string]Counts {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]Counts{}
	for name := range w.byName {
		out[name] = w.counts[name]
	}
	return out
}

// Run delivers until ctx is done. A delivery under way is given a moment to
// end.
func (w *Worker) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		more, err := w.round(ctx, &wg)
		if err != nil && ctx.Err() == nil {
			w.opt.Logger.Error("read the outbox", "err", err)
		}
		if more && ctx.Err() == nil {
			continue
		}
		t := time.NewTimer(pollEvery)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-w.wake:
			t.Stop()
		case <-t.C:
		}
	}
}

// round starts one goroutine for each idle channel that has something due.
// Channels do not wait for each other. There may be more behind what it saw:
// another channel's notices.
func (w *Worker) round(ctx context.Context, wg *sync.WaitGroup) (more bool, err error) {
	due, err := w.opt.Outbox.Due(ctx, w.opt.Now(), w.passedOver(), perRound)
	if err != nil {
		return false, err
	}
	byChannel := map[string][]alerting.Notice{}
	for _, n := range due {
		byChannel[n.Channel] = append(byChannel[n.Channel], n)
	}
	for name, notices := range byChannel {
		w.begin(name)
		wg.Go(func() {
			kept := true
			for _, b := range w.batches(name, notices) {
				if ctx.Err() != nil {
					break
				}
				recorded, hung := w.deliverBatch(ctx, b)
				kept = kept && recorded
				if hung != nil {
					// One goroutine stays with the channel, and no other joins it.
					go func() { <-hung; w.end(name, kept) }()
					return
				}
			}
			w.end(name, kept)
		})
	}
	return len(due) == perRound, nil
}

// passedOver are the channels that are busy or rest: their queue must not hide
// what others could send.
func (w *Worker) passedOver() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := []string{}
	for name := range w.busy {
		out = append(out, name)
	}
	now := w.opt.Now()
	maps.DeleteFunc(w.resting, func(_ string, until time.Time) bool { return !now.Before(until) })
	for name := range w.resting {
		out = append(out, name)
	}
	return out
}

// begin is called by Run's goroutine alone, for channels that Due did not pass
// over.
func (w *Worker) begin(channel string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy[channel] = true
}

// end makes the channel free and looks again: while it was busy more may have
// become due. If the outbox could not be written it rests first, or the same
// notices would be due again at once, and for ever.
func (w *Worker) end(channel string, kept bool) {
	w.mu.Lock()
	delete(w.busy, channel)
	if !kept {
		w.resting[channel] = w.opt.Now().Add(pollEvery)
	}
	w.mu.Unlock()
	if kept {
		w.Wake()
	}
}
