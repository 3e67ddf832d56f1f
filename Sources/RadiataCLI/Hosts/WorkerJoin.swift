import Foundation
import Logging
import Ports
import SweepClient
import SweepWire
import Worker

/// How a worker finds its coordinator: by an invitation, by the one that it accepted before, by a join file,
/// or as its options say.
struct WorkerJoin {
    let invite: String?
    let name: String?
    let options: ClientOptions
    let logger: Logger

    func configuration(_ folder: WorkFolder) async throws -> ClientConfiguration {
        let environment = ProcessInfo.processInfo.environment
        if let text = try invitation(environment) {
            let invitation: Invitation
            do throws(Invitation.Fault) {
                invitation = try Invitation(text)
            } catch {
                throw CommandFailure(.usage, error.description)
            }
            return try ClientConfiguration(joining: try await accept(invitation, folder))
        }
        if let joinFile = options.joinFile { return try await waited(for: Paths.expanded(joinFile)) }
        let isTold =
            options.coordinator != nil || options.tokenFile != nil || environment["RADIATA_COORDINATOR"] != nil
        if !isTold, let file = try known(folder) {
            guard file.isEnrolled != false else {
                throw CommandFailure(
                    .usage,
                    "\(folder.joinFile): the invitation was not accepted yet; start the worker with it once more, or remove the file"
                )
            }
            return try ClientConfiguration(joining: file)
        }
        return try options.configuration()
    }

    /// Whether the worker goes by an invitation that it accepted.
    func isInvited(_ folder: WorkFolder) -> Bool {
        options.joinFile == nil && FileManager.default.fileExists(atPath: folder.joinFile)
    }

    private func invitation(_ environment: [String: String]) throws -> String? {
        if invite == "-" {
            guard let line = readLine(strippingNewline: true), !line.isEmpty else {
                throw CommandFailure(.usage, "standard input brought no invitation")
            }
            return line.trimmingCharacters(in: .whitespaces)
        }
        if options.joinFile != nil { return nil }
        return invite ?? environment["RADIATA_INVITE"].flatMap { $0.isEmpty ? nil : $0 }
    }

    private func known(_ folder: WorkFolder) throws -> JoinFile? {
        do {
            return try JoinFile.read(folder.joinFile)
        } catch let error as PortsError where error.code == .notFound {
            return nil
        } catch let error as PortsError {
            throw CommandFailure(.usage, error.message)
        }
    }

    private func accept(_ invitation: Invitation, _ folder: WorkFolder) async throws -> JoinFile {
        let path = folder.joinFile
        let known = try known(folder)
        let joining = Joining(invitation, name: name ?? MachineNames.hostName())
        let file = try await joining.join(known) { try $0.write(to: path) }
        if known?.isEnrolled != true || known?.invitation != file.invitation {
            logger.info("joined \(file.addresses[0]); later starts need no invitation")
        }
        return file
    }

    /// The coordinator may come up later than its workers.
    private func waited(for path: String) async throws -> ClientConfiguration {
        var isTold = false
        while true {
            do {
                return try ClientConfiguration(joining: try JoinFile.read(path), path: path)
            } catch let error as PortsError where error.code == .notFound {
                if !isTold { logger.info("waiting for \(path): the coordinator writes it when it is up") }
                isTold = true
                try await Task.sleep(for: .seconds(1))
            } catch let error as PortsError {
                throw CommandFailure(.usage, error.message)
            }
        }
    }
}
