import Foundation
import Ports
import RunSpec
import SweepModel

/// What preparations made, kept on this machine by the id of the job that made it: the folders `prepared`
/// and `data` (what was added to the data).
actor PreparationStore {
    private let folder: String
    private let files: any FileStore
    private var running: [JobID: Task<String, any Error>] = [:]

    init(folder: String, files: any FileStore) {
        self.folder = folder
        self.files = files
    }

    /// Where it lies, made if it is not here yet; whoever wants the same meanwhile waits for it.
    ///
    /// - Parameter make: makes it, and says in which folder it lies now.
    /// - Throws: what `make` throws; `PortsError`.
    func place(of job: JobID, make: @escaping @Sendable () async throws -> String) async throws -> String {
        let place = "\(folder)/\(job.text)"
        while true {
            if try files.exists(place) { return place }
            guard let other = running[job] else { break }
            do {
                return try await other.value
            } catch {
                // Its own attempt answers for that; here it is tried anew.
                try Task.checkCancellation()
            }
        }
        let task = Task {
            try self.keep(try await make(), as: job)
        }
        running[job] = task
        defer { running[job] = nil }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    /// Takes a finished folder in.
    ///
    /// - Returns: where it lies.
    @discardableResult
    func keep(_ result: String, as job: JobID) throws -> String {
        let place = "\(folder)/\(job.text)"
        if try files.exists(place) { return place }
        try files.makeFolder(folder)
        try files.publish(result, as: place)
        return place
    }
}

/// A preparation that failed on this machine, where the job that needs it runs.
struct PreparationFailure: Error {
    let report: FailureReport
}
