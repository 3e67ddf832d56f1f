import Foundation
import Ports
import SweepModel

/// The base that a sweep's adapters belong to, on this machine.
struct SweepBase {
    /// `--base`.
    let named: String?
    /// What the coordinator says.
    let trained: JobDetail.Base?
    let sweep: String

    /// Larger bases are taken for what they are called: digesting them takes longer than drawing.
    private static let mostDigested: Int64 = 1 << 30

    /// - Throws: `CommandFailure` where there is none, or another one at the place that the sweep file named.
    func path() throws -> String {
        if let named {
            let path = Paths.expanded(named)
            guard FileManager.default.fileExists(atPath: path) else {
                throw CommandFailure(.notFound, "--base \(named): nothing is there")
            }
            if try isOther(path) {
                Console.note("warning: --base \(named) is not the base that \(sweep) was trained on (another digest)")
            }
            return path
        }
        guard let trained else {
            throw CommandFailure(.usage, "\(sweep) names no base to draw with; give --base DIR")
        }
        guard FileManager.default.fileExists(atPath: trained.path) else {
            throw CommandFailure(
                .notFound, "the base of \(sweep) lay at \(trained.path), which is not on this machine; give --base DIR")
        }
        if try isOther(trained.path) {
            throw CommandFailure(
                .failed,
                "\(trained.path) has changed since \(sweep) was launched (digest \(trained.digest.prefix(12)) then); give "
                    + "the base it was trained on with --base DIR")
        }
        return trained.path
    }

    private func isOther(_ path: String) throws -> Bool {
        guard let trained, try Self.size(path) <= Self.mostDigested else { return false }
        return try TreeDigest.compute(path).digest.text != trained.digest
    }

    private static func size(_ path: String) throws -> Int64 {
        let files = DiskFiles()
        guard let root = try files.information(path), root.isFolder else {
            return try files.information(path)?.size ?? 0
        }
        return try FileManager.default.subpathsOfDirectory(atPath: path).reduce(0) { sum, name in
            sum + (try files.information("\(path)/\(name)")?.size ?? 0)
        }
    }
}
