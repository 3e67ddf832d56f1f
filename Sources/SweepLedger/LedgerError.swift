/// The error of the ledger: a closed code and a message that names the thing and the remedy.
package struct LedgerError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: String, Equatable, Sendable {
        /// Another coordinator holds the folder.
        case locked
        /// The file is not a ledger, or one of a newer program.
        case notALedger
        case newerSchema
        /// The writer could not be set to the durability it must have.
        case notDurable
        case diskFull
        /// SQLite reported a fault of the disk or the file; what was being written is neither kept nor lost
        /// for sure.
        case inputOutput
        /// What is stored cannot be read.
        case unreadable
        /// The writer has stopped; nothing is accepted any more.
        case closed
        case notFound
        case ambiguous
        case conflict
        /// A user's SQL was refused or failed.
        case query
        /// Something in a request cannot be right.
        case invalid
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
