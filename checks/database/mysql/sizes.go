package mysql

import (
	"context"
	"maps"
	"sync"
	"time"

	"xunjian/checks"
)

// Sizes are asked for seldom: the server opens every table for them.
const (
	sizesEvery = 10 * time.Minute
	// sizesKept is how many of them are remembered: a day.
	sizesKept  = 24*6 + 1
	maxTables  = 20
	maxSchemas = 30
)

const tableSizes = `SELECT table_schema, table_name, COALESCE(table_rows, 0), COALESCE(data_length, 0), COALESCE(index_length, 0), COALESCE(data_free, 0)
 FROM information_schema.tables WHERE table_type = 'BASE TABLE'
 AND table_schema NOT IN ('mysql', 'performance_schema', 'information_schema', 'sys')`

// sizes remembers how large schemas and tables were.
type sizes struct {
	mu   sync.Mutex
	tell []checks.Sample // of the last time, told until the next
	past []sizesThen
	due  time.Time
}

// sizesThen is how large schemas were.
type sizesThen struct {
	at      time.Time
	schemas map[string]float64
}

type tableSize struct {
	schema, table          string
	rows, data, index, gap float64
}

// read tells the sizes, and asks for them when it is time to.
func (s *sizes) read(ctx context.Context, q querier, name string, now time.Time, out *checks.Output) error {
	s.mu.Lock()
	due := !now.Before(s.due)
	s.mu.Unlock()
	var err error
	if due {
		err = s.ask(ctx, q, name, now)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sample := range s.tell {
		out.Sample(sample)
	}
	return err
}

func (s *sizes) ask(ctx context.Context, q querier, name string, now time.Time) error {
	tables := map[string]tableSize{}
	bytes, schemas, count := map[string]float64{}, map[string]float64{}, map[string]float64{}
	err := q.each(ctx, tableSizes, func(r row) error {
		t := tableSize{schema: string(r.values[0]), table: string(r.values[1])}
		t.rows, _ = figure(r.values[2])
		t.data, _ = figure(r.values[3])
		t.index, _ = figure(r.values[4])
		t.gap, _ = figure(r.values[5])
		schemas[t.schema] += t.data + t.index
		count[t.schema]++
		key := t.schema + "\x00" + t.table
		tables[key], bytes[key] = t, t.data+t.index
		if len(tables) > 50*maxTables { // bound what a server with 100,000 tables costs
			keep := map[string]tableSize{}
			for _, k := range largest(bytes, maxTables) {
				keep[k] = tables[k]
			}
			tables = keep
			maps.DeleteFunc(bytes, func(k string, _ float64) bool { _, kept := keep[k]; return !kept })
		}
		return nil
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due = now.Add(sizesEvery)
	if err != nil {
		return err
	}
	s.tell = nil
	tell := func(d *checks.Desc, v float64, values ...string) {
		s.tell = append(s.tell, checks.Sample{Desc: d, Value: v, Values: append([]string{name}, values...)})
	}
	top := map[string]float64{}
	for _, schema := range largest(schemas, maxSchemas) {
		top[schema] = schemas[schema]
		tell(descSchemaSize, schemas[schema], schema)
		tell(descSchemaTables, count[schema], schema)
	}
	for _, key := range largest(bytes, maxTables) {
		t := tables[key]
		tell(descTableSize, t.data, t.schema, t.table, "data_length")
		tell(descTableSize, t.index, t.schema, t.table, "index_length")
		tell(descTableSize, t.gap, t.schema, t.table, "data_free")
		tell(descTableRows, t.rows, t.schema, t.table)
	}
	s.past = append(s.past, sizesThen{now, top})
	if len(s.past) > sizesKept {
		s.past = append(s.past[:0], s.past[1:]...)
	}
	return nil
}

// last returns the newest sizes and the oldest remembered ones.
func (s *sizes) last() (now, then sizesThen, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.past) == 0 {
		return now, then, false
	}
	return s.past[len(s.past)-1], s.past[0], true
}
