package import Foundation

/// Jobs, in the order of their sweeps; `after` is the last id of the page before.
package struct JobsRequest: Equatable, WireRequest {
    package var sweep: String?
    package var state: String?
    package var limit: Int
    package var after: String?
    /// Only jobs that carry it themselves.
    package var tag: String?
    package init(
        sweep: String? = nil, state: String? = nil, limit: Int = 1000, after: String? = nil, tag: String? = nil
    ) {
        self.tag = tag
        self.sweep = sweep
        self.state = state
        self.limit = limit
        self.after = after
    }
    package var parameters: [String: String] {
        var result = ["limit": String(limit)]
        result["sweep"] = sweep
        result["state"] = state
        result["after"] = after
        result["tag"] = tag
        return result
    }
    package func body() throws -> Data { Data() }
    package init(parameters: [String: String], body: Data) throws {
        tag = parameters["tag"]
        sweep = parameters["sweep"]
        state = parameters["state"]
        after = parameters["after"]
        limit = min(try parameters.integer("limit", default: 1000), 10_000)
    }
}

/// A job by its id or a unique prefix of at least eight digits.
package struct JobRequest: Equatable, WireRequest {
    package var job: String
    package init(job: String) { self.job = job }
    package var parameters: [String: String] { ["job": job] }
    package func body() throws -> Data { Data() }
    package init(parameters: [String: String], body: Data) throws { job = try parameters.required("job") }
}

/// Log text of a job's newest attempt (or of `attempt`) from a byte offset. With `waitSeconds` the answer
/// waits for new text.
package struct LogRequest: Equatable, WireRequest {
    package var job: String
    package var attempt: Int?
    package var offset: UInt64
    package var waitSeconds: Double
    package init(job: String, attempt: Int? = nil, offset: UInt64 = 0, waitSeconds: Double = 0) {
        self.job = job
        self.attempt = attempt
        self.offset = offset
        self.waitSeconds = waitSeconds
    }
    package var parameters: [String: String] {
        var result = ["job": job, "offset": String(offset), "wait": String(waitSeconds)]
        result["attempt"] = attempt.map(String.init)
        return result
    }
    package func body() throws -> Data { Data() }
    package init(parameters: [String: String], body: Data) throws {
        job = try parameters.required("job")
        attempt = parameters["attempt"] == nil ? nil : try parameters.integer("attempt")
        offset = UInt64(try parameters.integer("offset", default: 0))
        waitSeconds = try parameters.seconds("wait")
    }
}
