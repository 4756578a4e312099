package feishustream

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// The methods of frames, and the values of their header "type".
const (
	methodControl = 0
	methodData    = 1

	typePing  = "ping"
	typePong  = "pong"
	typeEvent = "event"
)

// The headers of frames.
const (
	headerType      = "type"
	headerMessageID = "message_id" // the same for each part of a message
	headerSum       = "sum"        // how many parts
	headerSeq       = "seq"        // which one, from 0 on
	headerTook      = "biz_rt"     // in an answer: how long it took, in milliseconds
)

// maxHeaders bounds the headers of a frame; the platform sends about 8.
const maxHeaders = 64

// frame is the protobuf message Frame of the package pbbp2, by its numbers:
//
//	1 SeqID uint64, 2 LogID uint64, 3 service int32, 4 method int32 (required)
//	5 headers, repeated Header {1 key string, 2 value string}
//	6 payload_encoding string, 7 payload_type string, 8 payload bytes, 9 LogIDNew string
type frame struct {
	SeqID, LogID          uint64
	Service, Method       int32
	Headers               []header
	PayloadEncoding, Kind string
	Payload               []byte
	LogIDNew              string
}

type header struct{ Key, Value string }

func (f frame) header(key string) string {
	if i := slices.IndexFunc(f.Headers, func(h header) bool { return h.Key == key }); i >= 0 {
		return f.Headers[i].Value
	}
	return ""
}

// number is a header's value, or or where it is none.
func (f frame) number(key string, or int) int {
	if n, err := strconv.Atoi(f.header(key)); err == nil {
		return n
	}
	return or
}

func (f frame) append(b []byte) []byte {
	b = protowire.AppendVarint(protowire.AppendTag(b, 1, protowire.VarintType), f.SeqID)
	b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), f.LogID)
	b = protowire.AppendVarint(protowire.AppendTag(b, 3, protowire.VarintType), uint64(int64(f.Service)))
	b = protowire.AppendVarint(protowire.AppendTag(b, 4, protowire.VarintType), uint64(int64(f.Method)))
	for _, h := range f.Headers {
		var in []byte
		in = protowire.AppendString(protowire.AppendTag(in, 1, protowire.BytesType), h.Key)
		in = protowire.AppendString(protowire.AppendTag(in, 2, protowire.BytesType), h.Value)
		b = protowire.AppendBytes(protowire.AppendTag(b, 5, protowire.BytesType), in)
	}
	for n, s := range []string{f.PayloadEncoding, f.Kind} {
		if s != "" {
			b = protowire.AppendString(protowire.AppendTag(b, protowire.Number(6+n), protowire.BytesType), s)
		}
	}
	if f.Payload != nil {
		b = protowire.AppendBytes(protowire.AppendTag(b, 8, protowire.BytesType), f.Payload)
	}
	if f.LogIDNew != "" {
		b = protowire.AppendString(protowire.AppendTag(b, 9, protowire.BytesType), f.LogIDNew)
	}
	return b
}

// fields goes through a message; take gets the value of a number, n for a
// varint or b for bytes. Other kinds are passed over.
func fields(b []byte, take func(num protowire.Number, kind protowire.Type, n uint64, b []byte) error) error {
	for len(b) > 0 {
		num, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return protowire.ParseError(size)
		}
		b = b[size:]
		var n uint64
		var value []byte
		switch kind {
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			value, size = protowire.ConsumeBytes(b)
		default:
			size = protowire.ConsumeFieldValue(num, kind, b)
		}
		if size < 0 {
			return protowire.ParseError(size)
		}
		b = b[size:]
		if err := take(num, kind, n, value); err != nil {
			return err
		}
	}
	return nil
}

// parseFrame reads a frame. What it holds beside the known is passed over.
func parseFrame(data []byte) (frame, error) {
	var f frame
	seen := 0
	err := fields(data, func(num protowire.Number, kind protowire.Type, n uint64, b []byte) error {
		want := protowire.BytesType
		if num <= 4 {
			want = protowire.VarintType
		}
		if num > 9 {
			return nil
		}
		if kind != want {
			return fmt.Errorf("field %d is of the wire type %d", num, kind)
		}
		switch num {
		case 1:
			f.SeqID = n
		case 2:
			f.LogID = n
		case 3, 4:
			if int64(n) > math.MaxInt32 || int64(n) < math.MinInt32 {
				return fmt.Errorf("field %d is too great", num)
			}
			if num == 3 {
				f.Service = int32(n)
			} else {
				f.Method = int32(n)
				seen++
			}
		case 5:
			if len(f.Headers) == maxHeaders {
				return fmt.Errorf("more than %d headers", maxHeaders)
			}
			h, err := parseHeader(b)
			if err != nil {
				return err
			}
			f.Headers = append(f.Headers, h)
		case 6:
			f.PayloadEncoding = string(b)
		case 7:
			f.Kind = string(b)
		case 8:
			f.Payload = append([]byte{}, b...)
		case 9:
			f.LogIDNew = string(b)
		}
		return nil
	})
	if err == nil && seen == 0 {
		err = errors.New("a frame without a method")
	}
	if err != nil {
		return frame{}, err
	}
	return f, nil
}

func parseHeader(data []byte) (header, error) {
	var h header
	err := fields(data, func(num protowire.Number, kind protowire.Type, _ uint64, b []byte) error {
		switch {
		case num <= 2 && kind != protowire.BytesType:
			return fmt.Errorf("field %d of a header is of the wire type %d", num, kind)
		case num == 1:
			h.Key = string(b)
		case num == 2:
			h.Value = string(b)
		}
		return nil
	})
	return h, err
}

// answer is what a data frame is answered: itself, with a code for a payload.
func (f frame) answer(code int, tookMilli int64) []byte {
	f.Headers = append(slices.Clone(f.Headers), header{headerTook, strconv.FormatInt(tookMilli, 10)})
	f.Payload = fmt.Appendf(nil, `{"code":%d,"headers":null,"data":null}`, code)
	return f.append(nil)
}

// ping is the client's heartbeat.
func ping(service int32) []byte {
	return frame{Service: service, Method: methodControl, Headers: []header{{headerType, typePing}}}.append(nil)
}
