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
        let sort = String(call.text("sort").drop { $0 == "-" })
        var view = JobsView(sweep: sweep, offset: offset, limit: limit, filter: filter, wanted: wanted, sort: sort)
        view.isDown = call.text("sort").hasPrefix("-")
        let first = view.isPlain ? try await firstRows(view) : nil
        let shown: ShownRows
        if let first { shown = first } else { shown = try await rows(view) }
        let (table, columns) = (shown.table, shown.columns)
        let board = operations.engine.waitBoard
        let waiting = shown.places.filter { ["waiting", "paused"].contains(table.state($0)) }
        let reasons = try await operations.ledger.waits(waiting.map { table.columns.rows[$0] })
            .compactMapValues { board.reason($0) }
        let body = try await BlockingWork.text { () -> Data in
            var json = JSONText()
            let isOld = page.tables.isOld(sweep)
            json.raw("{\"version\":1,\"isOld\":\(isOld),\"jobs\":\(shown.jobs),\"total\":\(shown.total),\"rows\":")
            json.list(shown.places) { json, place in
                json.raw("{\"id\":")
                json.string(table.id(place))
                json.raw(",\"state\":")
                json.string(table.state(place))
                if let reason = reasons[table.columns.rows[place]] {
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

    private struct JobsView: Sendable {
        let sweep: String
        let offset: Int
        let limit: Int
        let filter: TableFilter
        let wanted: [String]
        let sort: String
        var isDown = false

        /// Whether it is the table as it is, in its own order.
        var isPlain: Bool { filter == TableFilter() && sort.isEmpty }
    }

    private struct ShownRows: Sendable {
        let table: JobTable
        let columns: [String: TableColumn]
        /// Jobs of the sweep.
        let jobs: Int
        /// Of them those that the filter leaves.
        let total: Int
        /// Rows of the table.
        let places: [Int]
    }

    private func rows(_ view: JobsView) async throws -> ShownRows {
        let table = try await page.tables.table(view.sweep)
        let sorted = view.sort.isEmpty ? [] : [view.sort]
        let columns = try await page.tables.columns(
            view.wanted + view.filter.columns + sorted, of: view.sweep, table)
        return try await BlockingWork.text {
            let places = table.places(view.filter, columns)
            let part = view.offset..<(view.offset + view.limit)
            return ShownRows(
                table: table, columns: columns, jobs: table.count, total: places.count,
                places: columns[view.sort]?.sorted(places, descending: view.isDown, part: part)
                    ?? Array(places.dropFirst(view.offset).prefix(view.limit)))
        }
    }

    /// A page of a large sweep whose jobs are being read: straight from the ledger.
    ///
    /// - Returns: nil where all of them are there, or will be at once.
    private func firstRows(_ view: JobsView) async throws -> ShownRows? {
        guard !page.tables.isKnown(view.sweep),
            let summary = try await sweepSummaries().first(where: { $0.name == view.sweep }),
            summary.jobs > SweepTables.small
        else { return nil }
        page.tables.begin(view.sweep)
        let table = try await page.tables.glance(view.sweep, offset: view.offset, limit: view.limit)
        let settings = Set(table.parameters.map(\.name)).union(JobTable.fixed)
        let measured = try await page.tables.measured(view.sweep)
        // A column that none of these few jobs has may be one of the others.
        guard view.wanted.allSatisfy({ settings.contains($0) || measured.has($0) }) else { return nil }
        let columns = try await page.tables.columns(view.wanted, of: view.sweep, table, isGlance: true)
        return ShownRows(
            table: table, columns: columns, jobs: summary.jobs + (summary.evaluations?.values.reduce(0, +) ?? 0),
            total: summary.jobs, places: Array(0..<table.count))
    }

    /// Columns of all jobs that a filter leaves, for drawings.
    func points(_ call: PageCall) async throws -> Response {
        let sweep = try call.required("sweep")
        let filter = try TableFilter(call.text("filter"))
        let wanted = call.list("columns")
        guard wanted.count <= Self.mostColumns else {
            throw WireError(.badRequest, "columns: \(wanted.count), at most \(Self.mostColumns)")
        }
        let most = try call.integer("most", default: 1_000_000, in: 1...1_000_000)
        let pictured: Set<JobDigits>? =
            call.text("pictured").isEmpty
            ? nil : Set(try await pictures(sweep).items.compactMap { JobDigits.range($0.job)?.lowerBound })
        let table = try await page.tables.table(sweep)
        let columns = try await page.tables.columns(wanted + filter.columns, of: sweep, table)
        let body = try await BlockingWork.text { () -> Data in
            var places = table.places(filter, columns)
            if let pictured { places.removeAll { !pictured.contains(table.columns.ids[$0]) } }
            let total = places.count
            if total > most { places = Self.some(of: places, most: most, wanted.compactMap { columns[$0] }) }
            var json = JSONText()
            json.raw("{\"version\":1,\"total\":\(total),\"ids\":")
            json.list(places) { json, place in json.string(String(table.id(place).prefix(16))) }
            json.raw(",\"columns\":")
            json.list(wanted) { json, name in
                guard let column = columns[name] else { return json.raw("[]") }
                json.list(places) { json, place in json.cell(column[place]) }
            }
            json.raw("}")
            return Data(json.bytes)
        }
        return EndpointMount.response(.ok, "application/json", body)
    }

    /// Some of many rows: evenly, and those with the smallest and the largest number of each column.
    private static func some(of places: [Int], most: Int, _ columns: [TableColumn]) -> [Int] {
        var kept: Set<Int> = []
        for column in columns { kept.formUnion(column.extremes(places)) }
        let step = Double(places.count) / Double(most)
        for index in 0..<most { kept.insert(places[Int(Double(index) * step)]) }
        return kept.sorted()
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
            let ledger = operations.ledger
            // A curve of a million points takes long to read, and does not change once its attempt is over.
            let curves = try await page.curves.value(
                "\(job) \(from ?? -1) \(to ?? -1) \(points) \(key)", age: .zero,
                mark: try await ledger.mark(ofCurvesOf: job)
            ) { _ in try await ledger.thinnedCurves(job: job, key: key, from: from, to: to, points: points) }
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
