package incident

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// decoders has one entry for each kind.
var decoders = map[string]func([]byte) (Data, error){
	"opened":         decode[Opened],
	"alert_joined":   decode[AlertJoined],
	"alert_ended":    decode[AlertEnded],
	"alert_lost":     decode[AlertLost],
	"evidence_taken": decode[EvidenceTaken],
	"acknowledged":   decode[Acknowledged],
	"commented":      decode[Commented],
	"assigned":       decode[Assigned],
	"level_changed":  decode[LevelChanged],
	"step_changed":   decode[StepChanged],
	"flapping":       decode[Flapping],
	"resolved":       decode[Resolved],
	"reopened":       decode[Reopened],
	"false_alarm":    decode[FalseAlarm],

	"triaged":         decode[Triaged],
	"estimated":       decode[Estimated],
	"level_announced": decode[LevelAnnounced],
	"kind_changed":    decode[KindChanged],
	"ack_lapsed":      decode[AckLapsed],
	"reminded":        decode[Reminded],
	"branch_chosen":   decode[BranchChosen],
	"step_looked":     decode[StepLooked],
	"reported":        decode[Reported],
	"analysed":        decode[Analysed],
	"promoted":        decode[Promoted],
	"dismissed":       decode[Dismissed],
	"duty_changed":    decode[DutyChanged],
	"document_saved":  decode[DocumentSaved],
	"entry_added":     decode[EntryAdded],
	"entry_done":      decode[EntryDone],
	"investigated":    decode[Investigated],
	"lesson_added":    decode[LessonAdded],
	"lesson_done":     decode[LessonDone],
	"closed":          decode[Closed],
}

func decode[T Data](b []byte) (Data, error) {
	var v T
	err := json.Unmarshal(b, &v)
	return v, err
}

// EncodeData returns the kind and the canonical JSON of an event's data: the
// bytes that are stored and hashed.
func EncodeData(d Data) (kind string, body []byte, err error) {
	body, err = json.Marshal(d)
	if err != nil {
		return "", nil, fmt.Errorf("encode event %s: %w", d.Kind(), err)
	}
	return d.Kind(), body, nil
}

// DecodeData is the reverse of EncodeData. A kind it does not know is an
// error: an incident is its whole timeline, and half of one is none.
func DecodeData(kind string, body []byte) (Data, error) {
	dec := decoders[kind]
	if dec == nil {
		return nil, fmt.Errorf("decode event: unknown kind %q (written by a newer version?)", kind)
	}
	d, err := dec(body)
	if err != nil {
		return nil, fmt.Errorf("decode event %s: %w", kind, err)
	}
	return d, nil
}

// Seal computes the hash that chains an event with these stored fields to the
// one before it: SHA-256 over the previous hash and every field, each with its
// length, so that no two different events give the same input.
func Seal(prev string, seq int64, incident string, version int, at time.Time, actor Actor, kind string, body []byte) string {
	h := sha256.New()
	for _, field := range [][]byte{
		[]byte(prev),
		fmt.Append(nil, seq),
		[]byte(incident),
		fmt.Append(nil, version),
		fmt.Append(nil, at.UnixMilli()),
		[]byte(actor.Kind), []byte(actor.Name), []byte(actor.Via),
		[]byte(kind),
		body,
	} {
		fmt.Fprintf(h, "%d:", len(field))
		h.Write(field)
	}
	return hex.EncodeToString(h.Sum(nil))
}

type eventJSON struct {
	plainEvent
	Kind string          `json:"kind"`
	Data json.RawMessage `json:"data"`
}

type plainEvent Event

// MarshalJSON writes the event with its kind and data.
func (e Event) MarshalJSON() ([]byte, error) {
	kind, body, err := EncodeData(e.Data)
	if err != nil {
		return nil, err
	}
	return json.Marshal(eventJSON{plainEvent(e), kind, body})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Event) UnmarshalJSON(b []byte) error {
	var j eventJSON
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(&j); err != nil {
		return err
	}
	d, err := DecodeData(j.Kind, j.Data)
	if err != nil {
		return err
	}
	*e = Event(j.plainEvent)
	e.Data = d
	return nil
}
