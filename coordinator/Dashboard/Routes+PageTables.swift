import CoordinatorCore
import CoordinatorOperations
import Foundation
import Hummingbird
import Ports
import SweepLedger
import SweepModel
import SweepWire

/// Tables of jobs, columns of all jobs, and curves.
extension Routes {
    private static let mostColumns = 40
    private static let mostRows = 500
    /// Of one drawing.
    private static let mostCurves = 32

    /// A page of a sweep's jobs: filtered, sorted, with the columns that were asked for.
    func jobs(_ call: PageCall) async throws -> Response {
        let sweep = try call.required("sweep")
        let offset = try call.integer("offset", default: 0, in: 0...10_000_000)
        let limit = try call.integer("limit", default: 50, in: 1...Self.mostRows)
        let filter = try TableFilter(call.text("filter"))
        let wanted = call.list("columns")
        guard wanted.count <= Self.mostColumns else {
            throw WireError(.badRequest, "columns: \(wanted.count), at most \(Self.mostColumns)")
        }
        let isDown = call.text("sort").hasPrefix("-")
        let sort = String(call.text("sort").drop { $0 == "-" })
        let table = try await page.tables.table(sweep)
        let columns = try await page.tables.columns(
            wanted + filter.columns + (sort.isEmpty ? [] : [sort]), of: sweep, table)
        let board = operations.engine.waitBoard
        let rows = try await BlockingWork.text { () -> (total: Int, shown: [Int]) in
            var places = table.places(filter, columns)
            if let cells = columns[sort] { places = JobTable.sorted(places, by: cells, descending: isDown) }
            return (places.count, Array(places.dropFirst(offset).prefix(limit)))
        }
        let waiting = rows.shown.filter { ["waiting", "paused"].contains(table.records[$0].state) }
        let reasons = try await operations.ledger.waits(waiting.map { table.records[$0].row })
            .compactMapValues { board.reason($0) }
        let body = try await BlockingWork.text { () -> Data in
            var json = JSONText()
            json.raw("{\"version\":1,\"jobs\":\(table.records.count),\"total\":\(rows.total),\"rows\":")
            json.list(rows.shown) { json, place in
                let record = table.records[place]
                json.raw("{\"id\":")
                json.string(record.id)
                json.raw(",\"state\":")
                json.string(record.state)
                if let reason = reasons[record.row] {
                    json.raw(",\"waits\":")
                    json.string(reason)
                }
                json.raw(",\"cells\":")
                json.list(wanted) { json, name in json.cell(columns[name]?[place] ?? .none) }
                json.raw("}")
            }
            json.raw("}")
            return Data(json.bytes)
        }
        return EndpointMount.response(.ok, "application/json", body)
    }

    /// Columns of all jobs that a filter leaves, for drawings.
    func points(_ call: PageCall) async throws -> Response {
        let sweep = try call.required("sweep")
        let filter = try TableFilter(call.text("filter"))
        let wanted = call.list("columns")
        guard wanted.count <= Self.mostColumns else {
            throw WireError(.badRequest, "columns: \(wanted.count), at most \(Self.mostColumns)")
        }
        let table = try await page.tables.table(sweep)
        let columns = try await page.tables.columns(wanted + filter.columns, of: sweep, table)
        let body = try await BlockingWork.text { () -> Data in
            let places = table.places(filter, columns)
            var json = JSONText()
            json.raw("{\"version\":1,\"ids\":")
            json.list(places) { json, place in json.string(String(table.records[place].id.prefix(16))) }
            json.raw(",\"columns\":")
            json.list(wanted) { json, name in
                let cells = columns[name] ?? []
                json.list(places) { json, place in json.cell(cells[place]) }
            }
            json.raw("}")
            return Data(json.bytes)
        }
        return EndpointMount.response(.ok, "application/json", body)
    }

    /// Curves of several jobs, one line an attempt, with the steps at which they saved.
    func curves(_ call: PageCall) async throws -> Response {
        let key = try call.required("key")
        let jobs = call.list("jobs")
        guard !jobs.isEmpty, jobs.count <= Self.mostCurves else {
            throw WireError(.badRequest, "jobs: found \(jobs.count), wanted 1 to \(Self.mostCurves)")
        }
        let points = try call.integer("points", default: 2000, in: 16...20_000)
        let from = call.text("from").isEmpty ? nil : try call.integer("from", default: 0, in: 0...Int.max)
        let to = call.text("to").isEmpty ? nil : try call.integer("to", default: 0, in: 0...Int.max)
        var found: [(job: String, curves: [ThinnedCurve], saves: [Int])] = []
        for job in jobs {
            let curves = try await operations.ledger.thinnedCurves(
                job: job, key: key, from: from, to: to, points: points)
            found.append((job, curves, try await operations.ledger.saves(job: job)))
        }
        let answer = found
        let body = try await BlockingWork.text { () -> Data in
            var json = JSONText()
            json.raw("{\"version\":1,\"jobs\":")
            json.list(answer) { json, one in
                json.raw("{\"job\":")
                json.string(one.job)
                json.raw(",\"saves\":")
                json.list(one.saves) { json, step in json.raw("\(step)") }
                json.raw(",\"attempts\":")
                json.list(one.curves) { json, curve in json.curve(curve) }
                json.raw("}")
            }
            json.raw("}")
            return Data(json.bytes)
        }
        return EndpointMount.response(.ok, "application/json", body)
    }
}

extension JSONText {
    mutating func curve(_ curve: ThinnedCurve) {
        raw("{\"attempt\":\(curve.attempt),\"resumed\":\(curve.resumedStep)")
        if let last = curve.last { raw(",\"last\":\(last)") }
        raw(",\"ended\":\(curve.hasEnded),\"total\":\(curve.total),\"gaps\":\(curve.gaps),\"steps\":")
        list(curve.steps) { json, step in json.raw("\(step)") }
        raw(",\"values\":")
        list(curve.values) { json, value in json.number(value) }
        raw("}")
    }
}
