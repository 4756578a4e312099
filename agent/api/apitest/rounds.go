package apitest

import (
	"context"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/inspection"
)

// form has one item of each way to be judged: by a check, by a figure that is
// over its limit, by a person.
func form() inspection.Form {
	f, err := inspection.Parse("form.yaml", []byte(`
format: 1
id: weekly
version: "1"
title: {zh-CN: 每周巡检, en: Weekly inspection}
schedule: {days: first-of-week, at: "08:30"}
period: 168h
sign_within: 8h
groups:
  - id: server
    title: {zh-CN: 服务器, en: Server}
    items:
      - {id: disk, title: {zh-CN: 磁盘, en: Disk}, checks: [filesystem], if_fails: {zh-CN: 清理, en: Clear it}}
      - id: load
        title: {zh-CN: 负载, en: Load}
        figures: [{id: load, title: {zh-CN: 峰值, en: Peak}, expr: "vector(0.8)", unit: ratio, attention: {above: 0.7}}]
  - id: people
    title: {zh-CN: 人工, en: People}
    items:
      - {id: logs, title: {zh-CN: 日志, en: Logs}, ask: {zh-CN: 有无异常？, en: Anything unusual?}}
`), nil)
	if err != nil {
		panic(err)
	}
	return *f
}

func (w *World) raise(ctx context.Context, by inspection.Actor, r inspection.Warning) (string, error) {
	i, err := w.Desk.Open(ctx, incident.Actor{Kind: "person", Name: by.Name, Via: by.Via}, alerting.Report{
		Key: r.Key, Title: r.Title.ZH, English: r.Title.EN, Warning: &incident.Sign{Source: "internal"},
	})
	return i.ID, err
}
