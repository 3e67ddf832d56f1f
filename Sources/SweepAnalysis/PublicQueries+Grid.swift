import Foundation
package import RunSpec
import SweepModel

/// What image grids of a sweep are made from.
extension PublicQueries {
    /// One file of an adapter in the blob store.
    package struct AdapterFile: Equatable, Sendable {
        package var job: String
        package var checkpoint: String
        package var epoch: Int
        package var step: Int
        package var file: String
        package var sha256: String
        package var bytes: Int

        package init(
            job: String, checkpoint: String, epoch: Int, step: Int, file: String, sha256: String, bytes: Int
        ) {
            self.job = job
            self.checkpoint = checkpoint
            self.epoch = epoch
            self.step = step
            self.file = file
            self.sha256 = sha256
            self.bytes = bytes
        }
    }

    /// The adapters of a sweep's checkpoints, by job and step.
    package static func adapters(ofSweep sweep: String) -> PublicQuery<AdapterFile> {
        adapters("job IN (\(jobs(ofSweep: sweep)))")
    }

    /// Those of one job, by its whole id.
    package static func adapters(ofJob job: String) -> PublicQuery<AdapterFile> { adapters("job = \(quoted(job))") }

    private static func adapters(_ condition: String) -> PublicQuery<AdapterFile> {
        PublicQuery(
            """
            SELECT job, name, epoch, step, file, sha256, bytes FROM checkpoints
            WHERE kind = 'adapter' AND \(condition) ORDER BY job, step, file
            """
        ) { row in
            guard row.count == 7, let epoch = row[2].number, let step = row[3].number, let bytes = row[6].number
            else { return nil }
            return AdapterFile(
                job: row[0].string, checkpoint: row[1].string, epoch: Int(epoch), step: Int(step),
                file: row[4].string, sha256: row[5].string, bytes: Int(bytes))
        }
    }

    /// What each job of a sweep trains with, defaults filled in.
    package static func parameters(
        ofSweep sweep: String
    ) -> PublicQuery<(job: String, parameters: [String: ParameterValue])> {
        parameters("id IN (\(jobs(ofSweep: sweep)))")
    }

    /// Those of one job, by its whole id.
    package static func parameters(
        ofJob job: String
    ) -> PublicQuery<(job: String, parameters: [String: ParameterValue])> { parameters("id = \(quoted(job))") }

    private static func parameters(
        _ condition: String
    ) -> PublicQuery<(job: String, parameters: [String: ParameterValue])> {
        PublicQuery("SELECT id, parameters FROM jobs WHERE \(condition)") { row in
            // Written by another program than the ledger's: left out, as `rows` says.
            guard row.count == 2,
                let parameters = try? JSONDecoder().decode(
                    [String: ParameterValue].self, from: Data(row[1].string.utf8))
            else { return nil }
            return (row[0].string, parameters)
        }
    }
}
