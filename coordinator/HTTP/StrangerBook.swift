import NIOCore
import Synchronization

/// Silent connections that were never let in. Where there are too many, the oldest goes: who has something to
/// say comes through, however many wait without a word.
final class StrangerBook: Sendable {
    struct Ticket: Equatable, Sendable { fileprivate let number: UInt64, address: String }

    private struct Book {
        var last: UInt64 = 0
        var channels: [UInt64: any Channel] = [:]
        /// Numbers in the order of coming, those that have left among them.
        var all = Queue()
        var byAddress: [String: Queue] = [:]
    }

    /// Numbers, oldest first; those that are no longer there are dropped when they come to the front.
    private struct Queue {
        private var numbers: [UInt64] = []
        private var start = 0
        var count = 0

        mutating func add(_ number: UInt64) {
            numbers.append(number)
            count += 1
        }

        /// Takes the oldest number that is still there.
        mutating func oldest(in there: [UInt64: any Channel]) -> UInt64? {
            while start < numbers.count {
                let number = numbers[start]
                if there[number] != nil { return number }
                start += 1
            }
            return nil
        }

        /// Keeps the list as short as what is in it.
        mutating func tidy(_ there: [UInt64: any Channel]) {
            guard numbers.count > 2 * count + 64 else { return }
            numbers = numbers[start...].filter { there[$0] != nil }
            start = 0
        }
    }

    private let book = Mutex(Book())
    private let limit: Int
    private let total: Int

    /// - Parameters:
    ///   - limit: of one address.
    ///   - total: of all together.
    init(limit: Int, total: Int) {
        self.limit = max(1, min(limit, total))
        self.total = max(1, total)
    }

    /// Notes a connection that waits, and closes the oldest where there are too many.
    func enter(_ address: String, _ channel: any Channel) -> Ticket {
        let (ticket, closed) = book.withLock { book -> (Ticket, (any Channel)?) in
            var closed: (any Channel)?
            var oldest: Ticket?
            if (book.byAddress[address]?.count ?? 0) >= limit {
                oldest = book.byAddress[address]?.oldest(in: book.channels).map { Ticket(number: $0, address: address) }
            } else if book.channels.count >= total, let number = book.all.oldest(in: book.channels) {
                oldest = Ticket(number: number, address: book.channels[number]?.remoteAddress?.ipAddress ?? "")
            }
            if let oldest { closed = Self.remove(oldest, from: &book) }
            book.last += 1
            book.channels[book.last] = channel
            book.all.add(book.last)
            book.byAddress[address, default: Queue()].add(book.last)
            return (Ticket(number: book.last, address: address), closed)
        }
        closed?.close(promise: nil)
        return ticket
    }

    func leave(_ ticket: Ticket) { book.withLock { _ = Self.remove(ticket, from: &$0) } }

    private static func remove(_ ticket: Ticket, from book: inout Book) -> (any Channel)? {
        guard let channel = book.channels.removeValue(forKey: ticket.number) else { return nil }
        book.all.count -= 1
        book.all.tidy(book.channels)
        if var queue = book.byAddress[ticket.address] {
            queue.count -= 1
            queue.tidy(book.channels)
            book.byAddress[ticket.address] = queue.count > 0 ? queue : nil
        }
        return channel
    }
}
