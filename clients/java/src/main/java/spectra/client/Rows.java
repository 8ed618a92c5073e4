package spectra.client;

import com.google.protobuf.Message;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.Function;

/** The rows of a list; a page is asked for when the one before has been read. */
final class Rows<Q extends Message, P extends Message, R> implements Iterator<R> {
    private final Function<Q, P> list;
    private final Function<P, List<R>> of;
    private Q next;
    private Iterator<R> page = Collections.emptyIterator();

    Rows(Function<Q, P> list, Q request, Function<P, List<R>> of) {
        this.list = list;
        this.of = of;
        this.next = request;
    }

    @Override
    public boolean hasNext() {
        while (!page.hasNext() && next != null) {
            P response = list.apply(next);
            page = of.apply(response).iterator();
            String token = Fields.text(response, "next_page_token");
            next = token.isEmpty() ? null : Fields.with(next, "page_token", token);
        }
        return page.hasNext();
    }

    @Override
    public R next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        return page.next();
    }
}
